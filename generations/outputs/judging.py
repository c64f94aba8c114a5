"""Whole images that are worth nothing: of one colour, of another shape than ordered, an input given back.

Judging a good picture of 1.5 MB takes microseconds: its first row of pixels, or its bytes for each
pixel, show that it has more than one colour. Only what looks plain is decoded.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable

from PIL import Image

from generations.outputs.files import PNG, BadImage, Flaw, Verified, chunks, png_row
from generations.outputs.making import FORMATS, UNREADABLE
from generations.spec import Input, Size

RATIO_OFF = 0.05
"""How far a picture's ratio may be off. Upstreams round to what they can draw."""
AREA_LEFT = 0.5
"""The least share of the ordered pixels. A picture of a smaller size costs less."""
PLAIN_BITS = 1.0
"""Bits for each pixel up to which a JPEG or WebP may be of one colour: such a file has far fewer."""
HEAD = 2048
"""Bytes that such a file may have besides."""
SHADES = {"PNG": 0, "JPEG": 3, "WEBP": 3}
"""How far apart the pixels of one colour may be: lossy formats blur even that."""


def judge(found: Verified, wanted: Size, inputs: Iterable[Input], *, exact: bool) -> None:
    """Raises BadImage for a picture of another ratio than `wanted` (where it must be `exact`), of half as
    many pixels, or that is one of the inputs, byte for byte."""
    ratio = found.width * wanted.height / (found.height * wanted.width)
    smaller = found.width * found.height < AREA_LEFT * wanted.width * wanted.height
    if smaller or (exact and abs(ratio - 1) > RATIO_OFF):
        raise BadImage(
            Flaw.WRONG_SIZE, f"{found.width}x{found.height} instead of {wanted.width}x{wanted.height}"
        )
    if any(stored.sha256 == found.sha256 for stored in inputs):
        raise BadImage(Flaw.AN_INPUT, "byte for byte")


def looks_plain(data: bytes, found: Verified) -> bool:
    """Whether the picture may be of one colour, as far as can be said without decoding it."""
    if data.startswith(PNG):
        return _first_row_is_plain(data)
    return (len(data) - HEAD) * 8 <= PLAIN_BITS * found.width * found.height


def refuse_plain(data: bytes) -> None:
    """Decodes the picture. Raises BadImage when every pixel of it is the same, or it does not decode."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            eighth = picture.width // 8 + 1, picture.height // 8 + 1
            picture.draft(picture.mode, eighth)  # of a JPEG, which shows it as well
            extremes, apart = picture.getextrema(), SHADES[picture.format or "PNG"]
    except UNREADABLE as error:
        raise BadImage(Flaw.CORRUPT, str(error)) from error
    bands = extremes if isinstance(extremes[0], tuple) else (extremes,)
    if all(high - low <= apart for low, high in bands):
        raise BadImage(Flaw.ONE_COLOUR, f"every pixel is {[low for low, _ in bands]}")


def _first_row_is_plain(data: bytes) -> bool:
    """Whether all pixels of a PNG's first row (of its first pass) are the same, or may be."""
    length, pixel = png_row(data)
    packed = next(body for name, body in chunks(data) if name == b"IDAT")
    try:
        row = zlib.decompressobj().decompress(packed, 1 + length)
    except zlib.error:
        return True
    filtering, rest = row[:1], row[1:]
    if len(rest) < length:
        return True
    if pixel < 8:  # several pixels share a byte, and the last byte may not be full
        pixel, rest = 8, rest[:-1]
    step = pixel // 8
    if filtering in (b"\x01", b"\x04"):  # each pixel is told by its difference from the one before
        return not any(rest[step:])
    return filtering == b"\x03" or rest == rest[:step] * (len(rest) // step)
