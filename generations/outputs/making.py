"""Another file of the same picture, or of two: what costs tens to hundreds of milliseconds. Run it in a
thread, and `verify` what it gives."""

from __future__ import annotations

import io

from PIL import Image, ImageOps

from generations.outputs.files import BadImage, Flaw, verify

FORMATS = ["PNG", "JPEG", "WEBP"]
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
QUICK = 1  # zlib's level: a third larger, five times as fast


def convert(data: bytes, format: str, compression: int | None = None) -> bytes:
    """The same picture as `png`, `jpeg` or `webp`; `compression` 0-100 (100 best) is for the last two.

    Metadata is dropped but for the colour profile; in JPEG, what was transparent is white. Raises
    BadImage when the picture does not decode.
    """
    verify(data)
    quality = 95 if compression is None else max(compression, 1)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            upright = ImageOps.exif_transpose(picture)
            made = _opaque(upright) if format in ("jpeg", "jpg") else _screen(upright)
            profile = None if picture.mode == "CMYK" else picture.info.get("icc_profile")
            made.save(out := io.BytesIO(), _PILLOW[format], quality=quality, icc_profile=profile, comment=b"")
    except UNREADABLE as error:
        raise BadImage(Flaw.CORRUPT, str(error)) from error
    return out.getvalue()


_PILLOW = {"png": "PNG", "jpeg": "JPEG", "jpg": "JPEG", "webp": "WEBP"}


def _screen(picture: Image.Image) -> Image.Image:
    return picture.convert("RGB") if picture.mode in ("CMYK", "YCbCr", "LAB") else picture


def _opaque(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")


def restore(data: bytes, original: bytes, mask: bytes) -> bytes:
    """The picture as a PNG with everything outside the mask's transparent part as it was in the original,
    which is stretched to the picture's size. Raises BadImage when one of the three does not decode."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as drawn:
            size, mode = drawn.size, "RGBA" if drawn.has_transparency_data else "RGB"
            painted = drawn.convert(mode)
        with Image.open(io.BytesIO(original), formats=FORMATS) as source:
            kept = source.convert(mode).resize(size, Image.Resampling.LANCZOS)
        with Image.open(io.BytesIO(mask), formats=FORMATS) as told:
            opaque = told.convert("RGBA").getchannel("A").resize(size, Image.Resampling.BILINEAR)
        Image.composite(kept, painted, opaque).save(out := io.BytesIO(), "PNG", compress_level=QUICK)
    except UNREADABLE as error:
        raise BadImage(Flaw.CORRUPT, str(error)) from error
    return out.getvalue()
