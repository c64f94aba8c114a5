"""What the stub draws: real pictures of the pixels Google's tables give, and what they cost."""

from __future__ import annotations

import io
import random
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image

from tests.upstreams.gemini.contract import Invalid

FLASH = {
    "1:1": (1024, 1024),
    "2:3": (832, 1248),
    "3:2": (1248, 832),
    "3:4": (864, 1184),
    "4:3": (1184, 864),
    "4:5": (896, 1152),
    "5:4": (1152, 896),
    "9:16": (768, 1344),
    "16:9": (1344, 768),
    "21:9": (1536, 672),
}
THIRD = {
    "1:1": (1024, 1024),
    "2:3": (848, 1264),
    "3:2": (1264, 848),
    "3:4": (896, 1200),
    "4:3": (1200, 896),
    "4:5": (928, 1152),
    "5:4": (1152, 928),
    "9:16": (768, 1376),
    "16:9": (1376, 768),
    "21:9": (1584, 672),
}
EXTREME = {"1:4": (512, 2048), "4:1": (2048, 512), "1:8": (384, 3072), "8:1": (3072, 384)}
SCALE = {"512": 0.5, "1K": 1, "2K": 2, "4K": 4}


@dataclass(frozen=True)
class Model:
    """One image model: pixels at 1K by ratio, tokens of an output picture by size."""

    title: str
    pixels: dict[str, tuple[int, int]]
    tokens: dict[str, int]
    input_tokens: int  # per input picture

    def draw(self, ratio: str, size: str | None) -> tuple[int, int, int]:
        """Width, height and tokens. Raises Invalid like Google."""
        if size and len(self.tokens) == 1:
            raise Invalid("Image size is not supported for this model.")
        if (size or "1K") not in self.tokens:
            raise Invalid(f"Invalid image_size: {size}. Supported values: {', '.join(self.tokens)}.")
        if ratio not in self.pixels:
            raise Invalid(f"Invalid aspect_ratio: {ratio}. Supported values: {', '.join(self.pixels)}.")
        scale = SCALE[size or "1K"]
        width, height = self.pixels[ratio]
        return int(width * scale), int(height * scale), self.tokens[size or "1K"]

    def nearest(self, width: int, height: int) -> str:
        """The ratio that comes nearest to an input picture."""
        return min(self.pixels, key=lambda r: abs(self.pixels[r][0] / self.pixels[r][1] - width / height))


PRO = Model("Nano Banana Pro", THIRD, {"1K": 1120, "2K": 1120, "4K": 2000}, 560)
SECOND = Model("Nano Banana 2", THIRD | EXTREME, {"512": 747, "1K": 1120, "2K": 1680, "4K": 2520}, 1120)
MODELS = {
    "gemini-2.5-flash-image": Model("Nano Banana", FLASH, {"1K": 1290}, 258),
    "gemini-3-pro-image": PRO,
    "gemini-3-pro-image-preview": PRO,
    "gemini-3.1-flash-image": SECOND,
    "gemini-3.1-flash-image-preview": SECOND,
    "gemini-3.1-flash-lite-image": Model("Nano Banana 2 Lite", THIRD | EXTREME, {"1K": 1120}, 1120),
}


def png(width: int, height: int, number: int, *, weight: int = 0) -> bytes:
    """A PNG of these pixels, unlike that of any other `number`, at least `weight` bytes long."""
    return _with_chunk(_drawn(width, height), b"eaSl", str(number).encode() + b"\0" + _noise(weight))


def jpeg(width: int, height: int) -> bytes:
    return _encoded(_gradient(width, height), "JPEG")


def plain(width: int, height: int) -> bytes:
    """A PNG of one colour."""
    return _encoded(Image.new("RGB", (width, height), "white"), "PNG")


@lru_cache(maxsize=1)
def bomb() -> bytes:
    """A small PNG file of 300 million pixels."""
    return _encoded(Image.new("1", (20_000, 15_000)), "PNG")


@lru_cache(maxsize=64)
def _drawn(width: int, height: int) -> bytes:
    return _encoded(_gradient(width, height), "PNG")


def _gradient(width: int, height: int) -> Image.Image:
    shade = Image.linear_gradient("L").resize((width, height))
    return Image.merge("RGB", (shade, shade.transpose(Image.Transpose.FLIP_TOP_BOTTOM), shade))


def _encoded(picture: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


@lru_cache(maxsize=4)
def _noise(length: int) -> bytes:
    return random.Random(7).randbytes(length)


def _with_chunk(file: bytes, name: bytes, data: bytes) -> bytes:
    """The PNG with one more chunk before its last, which every reader skips."""
    chunk = struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return file[:-12] + chunk + file[-12:]
