"""What each door can say, and what has to stay unsaid there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from generations.spec import Offer, Order, Sampling

REFERENCES: Final = "references"
"""In `Order.echo`: the URL of each of `Order.inputs`, None where no URL names it."""
PLACEHOLDER: Final = "https://example.com/picture-{}.png"
TITLES: Final = {
    "evolink": "EvoLink",
    "openai": "OpenAI",
    "toapis": "ToAPIs",
    "gemini": "Gemini",
    "gmi": "GMI Cloud",
}
_SETTINGS: Final = frozenset({"format", "compression", "temperature", "tokens", "safety"})
SAYS: Final[Mapping[str, frozenset[str]]] = {
    "evolink": frozenset({"mask", "callback"}),
    "openai": frozenset({"mask", "look", "format", "webp", "compression"}),
    "toapis": _SETTINGS,
    "gemini": frozenset({*_SETTINGS, "turns", "seed", "system", "webp", "stop"}),
    "gmi": frozenset({"turns", "format", "temperature"}),
}
"""The features of an order that the door has words for."""
_HAS: Final[Mapping[str, Callable[[Order], object]]] = {
    "turns": lambda order: order.turns,
    "mask": lambda order: any(given.role == "mask" for given in order.inputs),
    "seed": lambda order: order.sampling.seed is not None,
    "system": lambda order: order.system,
    "look": lambda order: order.quality or order.style or order.background,
    "format": lambda order: order.format and order.format != "webp",
    "webp": lambda order: order.format == "webp",
    "compression": lambda order: order.compression is not None,
    "temperature": lambda order: {order.sampling.temperature, order.sampling.top_p} != {None},
    "tokens": lambda order: order.sampling.max_output_tokens,
    "stop": lambda order: order.sampling.stop or order.sampling.top_k,
    "safety": lambda order: order.sampling.safety,
    "callback": lambda order: order.callback_url,
}
_WORDS: Final[Mapping[str, str]] = {
    "mask": "masks",
    "seed": "a seed",
    "system": "a system instruction",
    "look": "quality, style and background",
    "format": "the file format",
    "webp": "WebP files",
    "compression": "a compression",
    "temperature": "temperature and top-p",
    "tokens": "a limit of output tokens",
    "stop": "stop sequences and top-k",
    "safety": "safety settings",
    "callback": "a callback of one order",
}


def fitted(door: str, order: Order, offer: Offer) -> tuple[Order, tuple[str, ...]]:
    """The order as far as the door can say it, and a sentence for each thing it cannot."""
    unsaid = {name for name, has in _HAS.items() if has(order) and name not in SAYS[door]}
    notes = (*_unsaid(door, order, unsaid), *_beyond(door, order, offer), *_places(door, order))
    return _within(_without(order, unsaid), offer), notes


def _unsaid(door: str, order: Order, unsaid: set[str]) -> Iterator[str]:
    title = TITLES[door]
    if "turns" in unsaid:
        yield f"{title} has no conversations: the earlier turns are left out, their pictures go along."
    if missing := [words for name, words in _WORDS.items() if name in unsaid]:
        yield f"{title} has no words for {', '.join(missing)}."
    if door == "gmi" and not order.format:
        yield "GMI Cloud makes PNG files unless it is told otherwise; elsewhere the model's own stays."


def _beyond(door: str, order: Order, offer: Offer) -> Iterator[str]:
    """What goes beyond the door's limits."""
    title, pictures = TITLES[door], sum(given.role == "image" for given in order.inputs)
    if order.count > offer.max_count:
        most = "one picture" if offer.max_count == 1 else f"{offer.max_count} pictures"
        yield f"{title} makes at most {most} of one request: send it again for the others."
    if order.ratio is not None and order.ratio not in offer.ratios:
        yield f"{title} does not offer {order.ratio}: the picture has the model's own ratio."
    if order.resolution not in offer.resolutions:
        yield f"{title} does not offer {order.resolution}: the picture has {offer.default_resolution}."
    if len(order.prompt) > offer.prompt_characters:
        yield f"{title} takes prompts of at most {offer.prompt_characters:,} characters."
    if pictures > offer.max_references:
        yield f"{title} takes at most {offer.max_references} pictures: the last ones go along."


def _places(door: str, order: Order) -> Iterator[str]:
    known = order.echo.get(REFERENCES) or ()
    if sum(1 for url in known if url) < len(order.inputs):
        yield (
            "The order's pictures came as files: put them where they can be fetched, and their addresses in "
            "the place of example.com."
        )


# ---- what is left ------------------------------------------------------------------------------


def _without(order: Order, unsaid: set[str]) -> Order:
    """Turns and masks are left out by whoever writes the pictures."""
    given = order.sampling
    sampling = Sampling(
        temperature=None if "temperature" in unsaid else given.temperature,
        top_p=None if "temperature" in unsaid else given.top_p,
        top_k=None if "stop" in unsaid else given.top_k,
        max_output_tokens=None if "tokens" in unsaid else given.max_output_tokens,
        seed=None if "seed" in unsaid else given.seed,
        stop=() if "stop" in unsaid else given.stop,
        safety=() if "safety" in unsaid else given.safety,
    )
    formless, plain = unsaid & {"format", "webp"}, "look" in unsaid
    return replace(
        order,
        sampling=sampling,
        system="" if "system" in unsaid else order.system,
        format=None if formless else order.format,
        compression=None if formless or "compression" in unsaid else order.compression,
        quality=None if plain else order.quality,
        style=None if plain else order.style,
        background=None if plain else order.background,
    )


def _within(order: Order, offer: Offer) -> Order:
    return replace(
        order,
        count=min(order.count, offer.max_count),
        ratio=order.ratio if order.ratio in offer.ratios else None,
        resolution=order.resolution if order.resolution in offer.resolutions else offer.default_resolution,
    )
