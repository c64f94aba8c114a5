"""Which of an upstream's sizes stands for a cell of the catalogue, and cutting what has another ratio."""

from __future__ import annotations

import io
import math

from PIL import Image

from generations.provider import Job
from generations.provider.failures import Unusable
from generations.spec import Size

Pixels = tuple[int, int]

KNOWN: dict[str, tuple[Pixels, ...]] = {
    "gpt-image": ((1024, 1024), (1536, 1024), (1024, 1536)),
    "chatgpt-image": ((1024, 1024), (1536, 1024), (1024, 1536)),
    "dall-e-3": ((1024, 1024), (1792, 1024), (1024, 1792)),
    "dall-e-2": ((1024, 1024),),
}
"""The only sizes of OpenAI's own models, by how their names begin; others draw any."""
NEAR = 0.02
"""How far a ratio may be off without being cut."""


def asked(job: Job, listed: str = "") -> Pixels:
    """The size to ask for: the cell's own, or that of the upstream's whose shape is nearest.

    `listed` are the upstream's sizes, as an operator wrote them. Raises Unusable if they are none.
    """
    known = next((sizes for name, sizes in KNOWN.items() if job.model.startswith(name)), ())
    sizes = _parsed(listed) or known
    wanted = math.log(job.size.width / job.size.height)
    return min(
        sizes,
        key=lambda size: abs(math.log(size[0] / size[1]) - wanted),
        default=(job.size.width, job.size.height),
    )


def _parsed(listed: str) -> tuple[Pixels, ...]:
    try:
        pairs = [word.strip().split("x") for word in listed.split(",") if word.strip()]
        found = tuple((int(width), int(height)) for width, height in pairs)
    except ValueError:
        found = ((0, 0),)
    if any(side < 1 for size in found for side in size):
        raise Unusable("the channel's sizes are not of the form 1024x1024,1536x1024")
    return found


def alike(one: Pixels, other: Pixels) -> bool:
    """Whether two sizes have the same shape."""
    return abs(one[0] * other[1] / (one[1] * other[0]) - 1) <= NEAR


def cut(data: bytes, size: Size) -> bytes:
    """The middle of a picture, as large as can be in the shape of `size`. What is no picture comes back
    as it is: the caller judges every picture anyway."""
    try:
        with Image.open(io.BytesIO(data), formats=["PNG", "JPEG", "WEBP"]) as picture:
            if alike(picture.size, (size.width, size.height)):
                return data
            picture.crop(_middle(picture.size, size)).save(file := io.BytesIO(), "PNG", compress_level=1)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return data
    return file.getvalue()


def _middle(picture: Pixels, size: Size) -> tuple[int, int, int, int]:
    width = min(picture[0], round(picture[1] * size.width / size.height))
    height = min(picture[1], round(picture[0] * size.height / size.width))
    left, top = (picture[0] - width) // 2, (picture[1] - height) // 2
    return left, top, left + width, top + height
