"""Whole images that are worth nothing are found out; good ones never are."""

from __future__ import annotations

import hashlib
import io
import random
from itertools import product

import pytest
from PIL import Image

from generations import outputs
from generations.outputs import BadImage
from generations.spec import Input, Size
from tests.upstreams.gemini import pictures

WIDE = Size("1K", "16:9", 1344, 768, 1290)
SQUARE = Size("1K", "1:1", 256, 256, 1290)
FILES = [("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "L"), ("PNG", "P"), ("PNG", "1"), ("PNG", "LA"),
         ("PNG", "I;16"), ("JPEG", "RGB"), ("JPEG", "L"), ("WEBP", "RGB"), ("WEBP", "RGBA")]  # fmt: skip


def encoded(image: Image.Image, kind: str, **how: object) -> bytes:
    image.save(file := io.BytesIO(), kind, **how)
    return file.getvalue()


def refused(data: bytes) -> bool:
    """Whether a picture is taken for one of a single colour."""
    found = outputs.verify(data)
    if not outputs.looks_plain(data, found):
        return False
    try:
        outputs.refuse_plain(data)
    except BadImage as bad:
        return bad.reason == outputs.Flaw.ONE_COLOUR
    return False


def stored(data: bytes, role: str = "image") -> Input:
    return Input(hashlib.sha256(data).hexdigest(), "image/png", 1, 1, len(data), "key", role)


# ---- one colour --------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "mode"), FILES)
@pytest.mark.parametrize("size", [(256, 256), (201, 57), (1, 1)])
@pytest.mark.parametrize("colour", [0, 1])
def test_a_picture_of_one_colour_is_refused(kind: str, mode: str, size: tuple[int, int], colour: int) -> None:
    assert refused(encoded(Image.new(mode, size, colour), kind))


@pytest.mark.parametrize("level", [0, 1, 9])
def test_however_it_is_packed(level: int) -> None:
    assert refused(encoded(Image.new("RGB", (300, 300), "white"), "PNG", compress_level=level))


@pytest.mark.parametrize(("kind", "mode"), FILES)
def test_a_picture_is_not(kind: str, mode: str) -> None:
    shade = Image.linear_gradient("L").rotate(random.Random(1).choice([0, 90])).convert("RGB")
    assert not refused(encoded(shade.convert(mode), kind))


@pytest.mark.parametrize(
    ("kind", "at"), list(product(["PNG", "WEBP"], [(0, 0), (255, 0), (0, 255), (128, 128), (255, 255)]))
)
def test_one_other_pixel_anywhere_makes_a_picture(kind: str, at: tuple[int, int]) -> None:
    image = Image.new("RGB", (256, 256), "white")
    image.putpixel(at, (254, 255, 255) if kind == "PNG" else (240, 240, 240))
    assert not refused(encoded(image, kind, lossless=True))


def test_a_large_picture_is_judged_by_its_first_row_alone() -> None:
    data = pictures.png(1024, 1024, 1)  # its rows are plain, one darker than the other
    noise = Image.frombytes("RGB", (64, 64), random.Random(1).randbytes(64 * 64 * 3))
    assert outputs.looks_plain(data, outputs.verify(data))
    assert not refused(data)
    noisy = encoded(noise, "PNG")
    assert not outputs.looks_plain(noisy, outputs.verify(noisy))


# ---- shape and origin --------------------------------------------------------------------------


def judged(size: tuple[int, int], wanted: Size = WIDE, *, exact: bool = True) -> str:
    data = pictures.png(*size, 1)
    try:
        outputs.judge(outputs.verify(data), wanted, (), exact=exact)
    except BadImage as bad:
        return bad.reason
    return "good"


@pytest.mark.parametrize("size", [(1344, 768), (1376, 768), (1365, 768), (1280, 720), (2688, 1536)])
def test_a_near_size_is_good(size: tuple[int, int]) -> None:
    assert judged(size) == "good"


@pytest.mark.parametrize("size", [(1024, 1024), (768, 1344), (1536, 672), (672, 384)])
def test_another_ratio_or_half_the_size_is_not(size: tuple[int, int]) -> None:
    assert judged(size) == "wrong_size"


def test_a_picture_that_follows_its_input_may_have_any_ratio() -> None:
    assert judged((1184, 864), exact=False) == "good"
    assert judged((592, 432), exact=False) == "wrong_size"


@pytest.mark.parametrize("size", [(cell, ratio) for ratio, cell in pictures.THIRD.items()], ids=str)
def test_every_cell_of_google_is_good(size: tuple[tuple[int, int], str]) -> None:
    (width, height), ratio = size
    assert judged((width, height), Size("1K", ratio, *pictures.THIRD[ratio], 1)) == "good"


def test_an_input_given_back_is_not_an_output() -> None:
    data = pictures.png(256, 256, 7)
    found = outputs.verify(data)
    outputs.judge(found, SQUARE, [stored(pictures.png(256, 256, 8))], exact=True)
    with pytest.raises(BadImage, match="an_input"):
        outputs.judge(found, SQUARE, [stored(pictures.png(256, 256, 8)), stored(data)], exact=True)


# ---- masks -------------------------------------------------------------------------------------


def test_outside_the_mask_everything_is_as_it_was() -> None:
    original, drawn = Image.new("RGB", (64, 64), "red"), Image.new("RGB", (128, 128), "blue")
    mask = Image.new("RGBA", (64, 64), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (32, 0, 64, 64))
    made = outputs.restore(*(encoded(image, "PNG") for image in (drawn, original, mask)))
    assert outputs.verify(made).mime == "image/png"
    with Image.open(io.BytesIO(made)) as picture:
        assert picture.size == (128, 128)
        assert [picture.getpixel(at) for at in ((5, 64), (120, 64))] == [(255, 0, 0), (0, 0, 255)]


def test_a_mask_that_is_no_picture_is_said() -> None:
    data = encoded(Image.new("RGB", (8, 8)), "PNG")
    with pytest.raises(BadImage):
        outputs.restore(data, data, b"no picture")
