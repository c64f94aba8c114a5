"""The pictures of one order, taken together: all of them, or none."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from generations import spec
from generations.inputs import decoder, shelf, sources
from generations.inputs.decoder import Decoded
from generations.inputs.owner import Owner
from generations.inputs.refusal import Refused
from generations.inputs.turns import turns
from generations.spec import Kind, Source

T = TypeVar("T")

AT_ONCE = 4
MOST_BYTES = 64 * 2**20
"""Of all pictures of one request together, as they came and as they are kept."""


@dataclass(slots=True)
class Weight:
    """The bytes of one request's pictures so far."""

    came: int = 0
    kept: int = 0
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    def add(self, *, came: int = 0, kept: int = 0) -> None:
        self.came, self.kept = self.came + came, self.kept + kept
        if max(self.came, self.kept) > MOST_BYTES:
            limit = f"{MOST_BYTES // 2**20} MB"
            sentence = f"and the other pictures are together larger than {limit}."
            raise Refused(Kind.TOO_LARGE, "too_large", sentence)


async def take(owner: Owner, sources: Sequence[Source]) -> tuple[spec.Input, ...]:
    """The inputs of an order, in the order of their sources; nothing is stored unless all are good.

    Raises Problem naming the source's field, with the fact `reason`: BAD_REQUEST (url_not_allowed,
    fetch_failed, timeout, not_an_image, mask), TOO_LARGE, UNSUPPORTED_MEDIA, RATE_LIMITED.
    """
    weight = Weight()
    pictures = await all_of(_taken(owner, source, weight) for source in sources)
    _check_masks(sources, pictures)
    roles = [source.role for source in sources]
    kept = (shelf.keep_reference(owner, *one) for one in zip(pictures, roles, strict=True))
    return tuple(await all_of(kept))


async def _taken(owner: Owner, source: Source, weight: Weight) -> Decoded:
    try:
        async with weight.places:
            return await picture(owner, source, weight)
    except Refused as refused:
        raise refused.problem(source.field) from refused


async def picture(owner: Owner, source: Source, weight: Weight, *, gif: bool = False) -> Decoded:
    """One source, decoded; counted in the request's weight. Raises Refused."""
    async with turns().place(owner.organization):
        found = await sources.find(owner, source)
        weight.add(came=len(found.data))
        if found.ours:
            decoded = await asyncio.to_thread(decoder.as_written, found.data)
        else:
            decoded = await decoder.decode(found.data, gif=gif)
        weight.add(kept=len(decoded.data))
        return decoded


async def all_of(steps: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All results in order; the first failure ends the others and is raised as it is."""
    tasks = [asyncio.ensure_future(step) for step in steps]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _check_masks(sources: Sequence[Source], pictures: Sequence[Decoded]) -> None:
    """A mask is a PNG with an alpha channel, of the first picture's size. Raises Problem."""
    given = list(zip(sources, pictures, strict=True))
    first = next((picture for source, picture in given if source.role != "mask"), None)
    for source, mask in given:
        if source.role == "mask" and (sentence := _mismatch(mask, first)):
            raise Refused(Kind.BAD_REQUEST, "mask", sentence).problem(source.field)


def _mismatch(mask: Decoded, first: Decoded | None) -> str:
    if mask.was != "PNG" or not mask.alpha:
        return "must be a PNG with an alpha channel: its transparent pixels are drawn anew."
    if first is None:
        return "is a mask without the picture that it belongs to."
    if (mask.width, mask.height) != (first.width, first.height):
        sizes = f"{mask.width}x{mask.height} pixels and the picture {first.width}x{first.height}"
        return f"has {sizes}: a mask has the size of the first picture."
    return ""
