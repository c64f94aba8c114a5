"""`size` and `aspect_ratio` to a ratio and a resolution, and what to say where they do not fit."""

from __future__ import annotations

from dataclasses import dataclass

from generations.dialects.openai.fields import Fields
from generations.spec import Offer
from generations.wording import (
    PIXELS,
    RATIO,
    clip,
    exact_size,
    nearest_ratio,
    nearest_resolution,
    nearest_size,
    parse_pair,
    same_tier,
)


@dataclass(frozen=True, slots=True)
class Shape:
    """`asked` is the size the client named, None if it named none."""

    ratio: str | None
    resolution: str
    asked: str | None = None
    adjusted: tuple[str, ...] = ()


def read_shape(fields: Fields, offer: Offer, default: str | None) -> Shape:
    """The shape of the picture: `aspect_ratio` wins over the ratio of `size`, and `default` is what it
    has without both; pixels become the nearest cell the model draws. Notes malformed words as issues
    of `fields`."""
    ratio, said = _aspect_ratio(fields, offer)
    size = fields.text("size")
    if size in (None, "", "auto"):
        return Shape(ratio or default, offer.default_resolution, None, said)
    assert size is not None
    pixels = parse_pair(PIXELS, size)
    if pixels is not None:
        return _cell(size, pixels, ratio, said, offer)
    return _tier(fields, size, ratio or default, said, offer)


def _aspect_ratio(fields: Fields, offer: Offer) -> tuple[str | None, tuple[str, ...]]:
    asked = fields.text("aspect_ratio")
    if asked in (None, "", "auto"):
        return None, ()
    assert asked is not None
    sides = parse_pair(RATIO, asked)
    if sides is None:
        fields.refuse("aspect_ratio", f"Expected a ratio like 16:9, received '{clip(asked)}'")
        return None, ()
    ratio = nearest_ratio(offer, *sides)
    return ratio, () if ratio == asked else (f"aspect_ratio {asked} -> {ratio}",)


def _cell(
    size: str, pixels: tuple[int, int], ratio: str | None, said: tuple[str, ...], offer: Offer
) -> Shape:
    width, height = pixels
    cell = None if ratio else exact_size(offer, width, height)
    if cell is None:
        cell = nearest_size(offer, ratio or nearest_ratio(offer, width, height), width, height)
    if (cell.width, cell.height) != pixels:
        said = (*said, f"size {size} -> {cell.width}x{cell.height}")
    return Shape(cell.ratio, cell.resolution, size, said)


def _tier(fields: Fields, size: str, ratio: str | None, said: tuple[str, ...], offer: Offer) -> Shape:
    resolution = nearest_resolution(offer, size)
    if resolution is None:
        fields.refuse("size", f"Expected auto, WIDTHxHEIGHT, 1K, 2K or 4K, received '{clip(size)}'")
        return Shape(None, offer.default_resolution)
    if not same_tier(resolution, size):
        said = (*said, f"size {size} -> {resolution}")
    return Shape(ratio, resolution, size, said)
