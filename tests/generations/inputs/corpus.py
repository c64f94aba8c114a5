"""Pictures: honest ones in every format, and files made to hurt whoever opens them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import pillow_heif
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

pillow_heif.register_heif_opener()

SCRIPT = b"<html><script>alert(document.domain)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
NO_IMAGES = {
    "HTML": b"<!DOCTYPE html>" + SCRIPT,
    "SVG": SVG,
    "SVG with a declaration": b'<?xml version="1.0"?>' + SVG,
    "PDF": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n",
    "ZIP": b"PK\x03\x04" + b"\0" * 40,
    "text": b"hello",
    "one byte": b"\x89",
    "MP4": b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + b"\0" * 40,
    "AVIF": b"\0\0\0\x1cftypavif\0\0\0\0mif1miafavif" + b"\0" * 40,
}


def plain(mode: str = "RGB", size: tuple[int, int] = (64, 48), colour: Any = None) -> Image.Image:
    """A picture whose left half differs from its right one."""
    made = Image.new("RGBA", size, colour or (200, 40, 40, 255))
    if colour is None:
        made.paste((20, 60, 220, 128), (size[0] // 2, 0, *size))
    return made if mode == "RGBA" else made.convert(mode)


def save(picture: Image.Image, format: str, **options: Any) -> bytes:
    picture.save(out := io.BytesIO(), format, **options)
    return out.getvalue()


def png(size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: Any) -> bytes:
    return save(plain(mode, size), "PNG", **options)


def flat_png(width: int, height: int) -> bytes:
    """A huge black picture in a small file, written row by row."""
    packer, row = zlib.compressobj(9), bytes(1 + width)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return _png_file([(b"IHDR", head), (b"IDAT", rows)])


def png_with(name: bytes, body: bytes) -> bytes:
    """A small PNG with one more chunk before its pixels."""
    pixels = zlib.compress(b"\0\0\0\0")
    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return _png_file([(b"IHDR", head), (name, body), (b"IDAT", pixels)])


def _png_file(chunks: Sequence[tuple[bytes, bytes]]) -> bytes:
    written = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in (*chunks, (b"IEND", b""))
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


def flat_webp(width: int, height: int) -> bytes:
    """The head of a WebP of this size; what follows is nothing."""
    bits = (width - 1) | (height - 1) << 14
    body = b"\x2f" + bits.to_bytes(4, "little") + bytes(59)
    return b"RIFF" + struct.pack("<I", len(body) + 12) + b"WEBPVP8L" + struct.pack("<I", len(body)) + body


def lying_heic(width: int, height: int) -> bytes:
    """A small HEIC that says it is of this size."""
    honest = save(plain("RGB", (64, 64)), "HEIF")  # no crop box, which would say the size again
    at = honest.index(b"ispe") + 8
    return honest[:at] + struct.pack(">II", width, height) + honest[at + 8 :]


def animation(format: str, frames: int = 3) -> bytes:
    pictures = [Image.new("RGB", (16, 16), (20 * number, 0, 0)) for number in range(frames)]
    return save(pictures[0], format, save_all=True, append_images=pictures[1:], duration=10)


def photograph(orientation: int = 6) -> bytes:
    """A JPEG as a telephone makes it: lying on its side, with its place, its maker and a comment."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x010E] = orientation, "Maker of telephones", SCRIPT.decode()
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 36.0)}
    return save(plain(), "JPEG", exif=exif, comment=b"a comment", quality=95)


def chatty_png() -> bytes:
    """A PNG that says more than its pixels."""
    info = PngInfo()
    info.add_text("Author", "somebody")
    info.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta>place</x:xmpmeta>")
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0)}
    return save(plain(), "PNG", pnginfo=info, exif=exif, dpi=(300, 300))


def swapped_profile() -> bytes:
    """A colour profile in which red is blue."""
    standard = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    named = standard.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))
    return named.replace(b"rXYZ", b"____", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"____", b"bXYZ", 1)


def opened(data: bytes) -> Image.Image:
    """What a client sees."""
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture
