"""A picture in a terminal: two pixels a character, in as many colours as the terminal has."""

from __future__ import annotations

import io
from collections.abc import Mapping

from PIL import Image

COLUMNS, ROWS = 48, 24
RESET = "\x1b[0m"


def colours(environ: Mapping[str, str], *, terminal: bool) -> int:
    """2**24, 256 or 0: what a terminal with this environment can show (0 when it is none)."""
    if not terminal or environ.get("NO_COLOR") or environ.get("TERM", "dumb") == "dumb":
        return 0
    if environ.get("COLORTERM") in ("truecolor", "24bit") or "direct" in environ["TERM"]:
        return 2**24
    return 256 if "256color" in environ["TERM"] else 0


def draw(data: bytes, depth: int) -> str:
    """The image (a whole PNG, JPEG or WebP file) as lines of half blocks; empty without colours."""
    if not depth:
        return ""
    with Image.open(io.BytesIO(data)) as opened:
        image = opened.convert("RGB")
    scale = min(COLUMNS / image.width, 2 * ROWS / image.height)
    width, height = max(1, round(image.width * scale)), max(2, round(image.height * scale) // 2 * 2)
    small = image.resize((width, height), Image.Resampling.LANCZOS)
    pixels = small.tobytes()

    def pixel(x: int, y: int) -> tuple[int, int, int]:
        at = 3 * (y * width + x)
        return pixels[at], pixels[at + 1], pixels[at + 2]

    lines = [
        "".join(_cell(pixel(x, y), pixel(x, y + 1), depth) for x in range(width)) + RESET
        for y in range(0, height, 2)
    ]
    return "\n".join(lines)


def _cell(upper: tuple[int, int, int], lower: tuple[int, int, int], depth: int) -> str:
    return f"\x1b[38;{_colour(upper, depth)};48;{_colour(lower, depth)}m▀"


def _colour(rgb: tuple[int, int, int], depth: int) -> str:
    if depth > 256:
        return "2;" + ";".join(map(str, rgb))
    red, green, blue = (round(channel / 255 * 5) for channel in rgb)  # the 6 x 6 x 6 cube
    return f"5;{16 + 36 * red + 6 * green + blue}"
