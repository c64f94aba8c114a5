"""An order in neutral words: what a batch line says when it names no door."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from generations import catalogue
from generations.dialect import Desk
from generations.errors import Problem
from generations.spec import Kind, Offer, Order, Source
from generations.wording import is_integer, listed, offer_named

MOST_CHARACTERS: Final = 32_000
FORMATS: Final = ("png", "jpeg", "webp")


async def write(body: Mapping[str, Any], desk: Desk) -> Order:
    """The order that the words mean, with its pictures fetched. Raises Problem naming the field."""
    unknown = sorted(set(body) - set(FIELDS))
    if unknown:
        raise _wrong(unknown[0], "There is no such field in a neutral order.")
    fields = {name: read(name, body[name]) for name, read in FIELDS.items() if name in body}
    offer = _offer(fields.pop("model", None), await desk.offers())
    sources = [_source(number, url, offer) for number, url in enumerate(fields.pop("images", ()))]
    order = _order(fields, offer, follows=bool(sources))
    if len(sources) > offer.max_references:
        raise _wrong("images", f"{offer.model} takes at most {offer.max_references} pictures.")
    if sources:
        order = replace(order, inputs=await desk.take(sources))
    catalogue.size_for(order)
    return order


def _order(fields: dict[str, Any], offer: Offer, *, follows: bool) -> Order:
    if not fields.get("prompt"):
        raise _wrong("prompt", "Say what the picture shall show.")
    if fields.setdefault("count", 1) > offer.max_count:
        raise _wrong("count", f"{offer.model} makes at most {offer.max_count} pictures at once.")
    fields.setdefault("resolution", offer.default_resolution)
    if not follows:
        fields.setdefault("ratio", offer.default_ratio)
    order = Order(model=offer.model, asked=offer.model, **fields)
    if order.ratio is not None and offer.size(order.resolution, order.ratio) is None:
        raise _wrong("ratio", f"{offer.model} draws no {order.ratio} at {order.resolution}.")
    return order


def _offer(name: str | None, offers: tuple[Offer, ...]) -> Offer:
    if name is None:
        raise _wrong("model", "Name the model.")
    found = offer_named(offers, name)
    if found is None:
        raise Problem(Kind.UNKNOWN_MODEL, f"The model {name} does not exist.", param="model")
    if found not in listed(offers):
        raise Problem(Kind.FORBIDDEN_MODEL, f"The key may not use {name}.", param="model")
    return found


def _source(number: int, url: str, offer: Offer) -> Source:
    return Source(field=f"images[{number}]", url=url, limit=offer.reference_bytes)


def _text(most: int) -> Callable[[str, Any], str]:
    def read(field: str, value: Any) -> str:
        if not isinstance(value, str) or not 1 <= len(value) <= most:
            raise _wrong(field, f"It must be a text of 1 to {most:,} characters.")
        return value

    return read


def _number(least: int, most: int) -> Callable[[str, Any], int]:
    def read(field: str, value: Any) -> int:
        if not is_integer(value) or not least <= value <= most:
            raise _wrong(field, f"It must be a whole number from {least} to {most}.")
        return int(value)

    return read


def _word(*known: str) -> Callable[[str, Any], str]:
    def read(field: str, value: Any) -> str:
        if value not in known:
            raise _wrong(field, f"It must be one of: {', '.join(known)}.")
        return str(value)

    return read


def _urls(field: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(url, str) and url for url in value):
        raise _wrong(field, "It must be a list of URLs.")
    return value


def _wrong(field: str, message: str) -> Problem:
    return Problem(Kind.BAD_REQUEST, message, param=field)


FIELDS: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    "model": _text(100),
    "prompt": _text(MOST_CHARACTERS),
    "count": _number(1, 10),
    "ratio": _text(8),
    "resolution": _text(8),
    "images": _urls,
    "system": _text(MOST_CHARACTERS),
    "format": _word(*FORMATS),
    "compression": _number(0, 100),
    "quality": _text(20),
    "style": _text(20),
}
