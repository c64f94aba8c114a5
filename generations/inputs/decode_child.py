"""The program that decodes one stranger's picture: alone in its process, with little memory, little
time and no way to open a file or a connection.

    python -I decode_child.py FORMAT < file > picture

Reads the whole file, writes the same picture upright, in sRGB with 8 bits a channel and without
metadata: as JPEG what was compressed with loss and has no alpha channel (a photograph as PNG is ten
times its size), everything else as PNG. Its exit code is a `Verdict`; what it wrote counts only with
`DECODED`.
"""

from __future__ import annotations

import copy
import io
import resource
import sys
import warnings
from enum import IntEnum
from typing import BinaryIO

from PIL import (
    GifImagePlugin,
    Image,
    ImageCms,
    ImageColor,
    ImageFilter,
    ImageOps,
    ImagePalette,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

MEMORY = 512 * 1024 * 1024  # bytes of address space
CPU_SECONDS = 10
MAX_PIXELS = 40_000_000
MAX_SIDE = 16_384
QUALITY = 95
LOADED = (
    copy, GifImagePlugin, ImageColor, ImageFilter, ImagePalette, JpegImagePlugin, MpoImagePlugin,
    PngImagePlugin, TiffImagePlugin, WebPImagePlugin,
)  # fmt: skip
"""What Pillow imports when it needs it: here that would be when no file can be opened any more."""


class Verdict(IntEnum):
    """How it ended. A signal or any other code is a decoder that broke."""

    DECODED = 0
    BROKEN = 10
    TOO_MANY_PIXELS = 11
    ANIMATED = 12
    TOO_MUCH_MEMORY = 13


class Refused(Exception):
    """A file that is not decoded, and why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.name)
        self.verdict = verdict


def main() -> None:
    """Decode standard input as the format of the first argument; exit with the verdict."""
    format = sys.argv[1]
    if format == "HEIF":
        _learn_heif()
    Image.preinit()
    _limit()
    try:
        recode(sys.stdin.buffer.read(), format, sys.stdout.buffer)
    except Refused as refused:
        sys.exit(refused.verdict)
    except MemoryError:
        sys.exit(Verdict.TOO_MUCH_MEMORY)
    except Exception:  # whatever a decoder says of a broken file, it says no
        sys.exit(Verdict.BROKEN)


def _learn_heif() -> None:
    import pillow_heif  # its libraries are for those who need them

    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)


def _limit() -> None:
    """From here on: no more memory, no more time, no new file, no connection, no core dump."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def recode(data: bytes, format: str, out: BinaryIO) -> None:
    """Write the picture anew. Raises Refused, or whatever the decoder raises."""
    warnings.simplefilter("error")
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        picture: Image.Image = Image.open(io.BytesIO(data), formats=[format])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refused(Verdict.TOO_MANY_PIXELS) from None
    _check_head(picture, format)
    picture.load()
    _check_size(picture)  # a HEIF may turn out larger than it said
    ImageOps.exif_transpose(picture, in_place=True)
    made = _screen(picture)
    made.info = {}  # comments, profiles, positions
    if made.mode == "RGB" and _is_lossy(data, format):
        made.save(out, "JPEG", quality=QUALITY)
    else:
        made.save(out, "PNG")
    out.flush()


def _is_lossy(data: bytes, format: str) -> bool:
    """Whether its pixels are compressed with loss; a WebP's chunks say so."""
    at = 12
    while format == "WEBP" and data[at : at + 4] not in (b"VP8 ", b"VP8L", b""):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + length + length % 2
    return format in ("JPEG", "HEIF") or (format == "WEBP" and data[at : at + 4] == b"VP8 ")


def _check_head(picture: Image.Image, format: str) -> None:
    """What can be known before a pixel is decoded."""
    _check_size(picture)
    # Of a GIF the first frame is taken; the pictures behind the first of a JPEG (MPO) or HEIF are
    # depths and other exposures, not an animation.
    if format in ("PNG", "WEBP") and getattr(picture, "is_animated", False):
        raise Refused(Verdict.ANIMATED)


def _check_size(picture: Image.Image) -> None:
    width, height = picture.size
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise Refused(Verdict.TOO_MANY_PIXELS)


def _screen(picture: Image.Image) -> Image.Image:
    """The picture as a screen shows it: RGB or, where it has an alpha channel, RGBA, in sRGB."""
    profile = picture.info.get("icc_profile")
    if picture.mode.startswith("I"):  # 16 bits of grey: Pillow would cut them, not scale them
        picture = picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    elif picture.has_transparency_data:
        picture = picture.convert("RGBA")
    elif picture.mode not in ("RGB", "L", "CMYK"):
        picture = picture.convert("RGB")
    if profile:
        picture = _standard(picture, profile)
    return picture if picture.mode in ("RGB", "RGBA") else picture.convert("RGB")


def _standard(picture: Image.Image, profile: bytes) -> Image.Image:
    """The picture's colours in sRGB; as they are where the profile makes no sense."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return picture
        wanted = "RGBA" if picture.mode == "RGBA" else "RGB"
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), picture.mode, wanted)
        in_place = picture.mode == wanted
        made = ImageCms.applyTransform(picture, transform, inPlace=in_place)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture
    return made or picture


if __name__ == "__main__":
    main()
