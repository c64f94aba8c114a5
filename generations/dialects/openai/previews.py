"""Previews of a finished picture, for clients that want to show something before all of it is there."""

from __future__ import annotations

import io

from PIL import Image

LONGEST_SIDES = (64, 128, 256)  # pixels: coarse to fine


def previews(file: bytes, count: int) -> list[bytes]:
    """`count` small versions of the picture (0 to 3), each finer than the one before, in its own
    format; none of a picture that cannot be read here, which is no reason to keep it back."""
    if not count:
        return []
    try:
        with Image.open(io.BytesIO(file)) as picture:
            picture.thumbnail((LONGEST_SIDES[-1],) * 2)
            return [_small(picture, side, picture.format or "PNG") for side in LONGEST_SIDES[-count:]]
    except (OSError, ValueError, Image.DecompressionBombError):
        return []


def _small(picture: Image.Image, side: int, kind: str) -> bytes:
    small = picture.copy()
    small.thumbnail((side, side))
    small.save(out := io.BytesIO(), kind)
    return out.getvalue()
