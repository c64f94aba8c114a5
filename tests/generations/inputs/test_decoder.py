"""What comes out of the decoder: upright sRGB that says nothing of its maker, or a refusal (I1, I11)."""

from __future__ import annotations

import asyncio

import pytest
from PIL import Image

from generations.inputs.decoder import Decoded, decode
from generations.inputs.refusal import Refused
from tests.generations.inputs import corpus
from tests.generations.inputs.corpus import opened, plain, save


def decoded(data: bytes, **options: bool) -> Decoded:
    return asyncio.run(decode(data, **options))


HONEST = {
    "PNG": (save(plain(), "PNG"), "image/png", "RGB"),
    "PNG with alpha": (save(plain("RGBA"), "PNG"), "image/png", "RGBA"),
    "PNG with a palette": (save(plain().quantize(16), "PNG"), "image/png", "RGB"),
    "PNG, one transparent colour": (
        save(plain().quantize(16), "PNG", transparency=0), "image/png", "RGBA"),
    "PNG, grey": (save(plain("L"), "PNG"), "image/png", "RGB"),
    "PNG, grey with alpha": (save(plain("LA"), "PNG"), "image/png", "RGBA"),
    "PNG, one bit": (save(plain("1"), "PNG"), "image/png", "RGB"),
    "JPEG": (save(plain(), "JPEG"), "image/jpeg", "RGB"),
    "JPEG, progressive": (save(plain(), "JPEG", progressive=True), "image/jpeg", "RGB"),
    "JPEG, grey": (save(plain("L"), "JPEG"), "image/jpeg", "RGB"),
    "JPEG for printers": (save(plain("CMYK"), "JPEG"), "image/jpeg", "RGB"),
    "JPEG of two pictures": (
        save(plain(), "MPO", save_all=True, append_images=[plain("RGB", (32, 24))]), "image/jpeg", "RGB"),
    "WebP": (save(plain(), "WEBP"), "image/jpeg", "RGB"),
    "WebP without loss": (save(plain(), "WEBP", lossless=True), "image/png", "RGB"),
    "WebP with alpha": (save(plain("RGBA"), "WEBP"), "image/png", "RGBA"),
    "HEIC": (save(plain(), "HEIF"), "image/jpeg", "RGB"),
    "HEIC with alpha": (save(plain("RGBA"), "HEIF"), "image/png", "RGBA"),
}  # fmt: skip


@pytest.mark.parametrize("what", HONEST)
def test_a_picture_comes_out_as_a_screen_shows_it(what: str) -> None:
    data, mime, mode = HONEST[what]
    made = decoded(data)
    shown = opened(made.data)
    assert (made.mime, made.width, made.height) == (mime, 64, 48)
    assert (Image.MIME[shown.format or ""], shown.mode, shown.size) == (mime, mode, (64, 48))
    assert made.alpha is (mode == "RGBA")


@pytest.mark.parametrize("what", ["PNG", "JPEG", "JPEG for printers", "WebP", "HEIC"])
def test_its_colours_stay(what: str) -> None:
    shown = opened(decoded(HONEST[what][0]).data)
    wanted = opened(HONEST[what][0]).convert("RGB").getpixel((10, 10))
    assert shown.getpixel((10, 10)) == pytest.approx(wanted, abs=6)


def test_what_was_transparent_stays_so() -> None:
    shown = opened(decoded(HONEST["PNG with alpha"][0]).data)
    assert [shown.getpixel(at)[3] for at in ((10, 10), (50, 10))] == [255, 128]


def test_sixteen_bits_become_eight_by_scaling() -> None:
    grey = Image.new("I;16", (8, 8), 0x8000)
    assert opened(decoded(save(grey, "PNG")).data).getpixel((1, 1)) == (128, 128, 128)


def test_a_profile_is_applied_and_dropped() -> None:
    red = Image.new("RGB", (8, 8), (255, 0, 0))
    for format in ("PNG", "JPEG"):
        shown = opened(decoded(save(red, format, icc_profile=corpus.swapped_profile(), quality=95)).data)
        r, _, b = shown.getpixel((1, 1))
        assert b > 200 > 60 > r
        assert "icc_profile" not in shown.info


def test_a_profile_that_makes_no_sense_is_only_dropped() -> None:
    made = decoded(save(plain(), "PNG", icc_profile=b"nonsense"))
    assert "icc_profile" not in opened(made.data).info


@pytest.mark.parametrize(
    ("data", "secrets"),
    [(corpus.photograph(), [b"Maker", b"script", b"a comment", b"Exif"]),
     (corpus.chatty_png(), [b"somebody", b"xmpmeta", b"eXIf", b"tEXt", b"pHYs"]),
     (corpus.png() + corpus.SCRIPT, [b"script"]),
     (save(plain(), "JPEG") + corpus.SCRIPT, [b"script"])],
    ids=["photograph", "PNG with texts", "PNG and a page", "JPEG and a page"],
)  # fmt: skip
def test_nothing_but_pixels_comes_through(data: bytes, secrets: list[bytes]) -> None:
    assert all(secret in data for secret in secrets)
    made = decoded(data)
    assert not any(secret in made.data for secret in secrets)
    assert not opened(made.data).getexif()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_stands_upright(orientation: int) -> None:
    made = decoded(corpus.photograph(orientation))
    assert (made.width, made.height) == ((64, 48) if orientation < 5 else (48, 64))


def test_equal_files_give_equal_bytes() -> None:
    for data in (HONEST["PNG"][0], HONEST["JPEG"][0], HONEST["HEIC"][0]):
        assert decoded(data) == decoded(data)
    assert decoded(corpus.png()).sha256 == decoded(corpus.png() + b"trailing").sha256


def test_of_a_gif_the_first_frame_is_taken_where_a_gif_may_be() -> None:
    made = decoded(corpus.animation("GIF"), gif=True)
    assert (made.mime, opened(made.data).convert("RGB").getpixel((1, 1))) == ("image/png", (0, 0, 0))
    with pytest.raises(Refused) as caught:
        decoded(corpus.animation("GIF"))
    assert caught.value.reason == "unsupported_media"
