"""What engines return is judged by its bytes: complete, of its type, of its size, nothing behind it."""

from __future__ import annotations

import io
import struct
import zlib
from datetime import date
from uuid import UUID

import pytest
from PIL import Image, ImageChops, PngImagePlugin

from generations import outputs
from generations.outputs import BadImage, convert, verify
from generations.spec import Size

WANTED = Size("1K", "16:9", 48, 27, 1290)


def picture(width: int = 48, height: int = 27, mode: str = "RGB") -> Image.Image:
    """A gradient, different in every corner."""
    across = Image.linear_gradient("L").resize((width, height))
    bands = [across, across.rotate(180), ImageChops.invert(across), across.rotate(180)]
    image = Image.merge("RGBA", bands)
    return image.convert(mode)


def encoded(format: str, image: Image.Image | None = None, **options) -> bytes:
    out = io.BytesIO()
    (image or picture()).save(out, format, **options)
    return out.getvalue()


def exif(tag: int, value: object) -> Image.Exif:
    made = Image.Exif()
    made[tag] = value
    return made


GOOD = {
    "png": encoded("PNG"),
    "png with alpha": encoded("PNG", picture(mode="RGBA")),
    "png of a palette": encoded("PNG", picture(mode="P")),
    "png of 16 bits": encoded("PNG", picture(mode="I;16")),
    "png of one bit": encoded("PNG", picture(mode="1")),
    "png with text": encoded(
        "PNG", pnginfo=(lambda info: (info.add_text("a", "b"), info)[1])(PngImagePlugin.PngInfo())
    ),
    "jpeg": encoded("JPEG"),
    "jpeg progressive": encoded("JPEG", progressive=True),
    "jpeg grey": encoded("JPEG", picture(mode="L")),
    "jpeg cmyk": encoded("JPEG", picture(mode="CMYK")),
    "jpeg with restarts": encoded("JPEG", restart_marker_blocks=1),
    "jpeg with a profile": encoded("JPEG", icc_profile=b"\xff\xd9" * 50_000),
    "jpeg with a comment": encoded("JPEG", comment=b"\xff\xd9\xff\xd8"),
    "webp lossy": encoded("WEBP"),
    "webp lossless": encoded("WEBP", lossless=True),
    "webp with alpha": encoded("WEBP", picture(mode="RGBA")),
    "webp with exif": encoded("WEBP", exif=exif(0x010E, "a tree")),
}
SMALL = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP"}


def reason(data: bytes, wanted: Size | None = None) -> str:
    with pytest.raises(BadImage) as caught:
        verify(data, wanted)
    return caught.value.reason


@pytest.mark.parametrize("name", GOOD)
def test_a_complete_image_is_taken_as_it_is(name: str) -> None:
    found = verify(GOOD[name], WANTED)
    format = name.split()[0]
    assert (found.width, found.height) == (48, 27)
    assert found.mime == f"image/{format}"
    assert found.extension == {"jpeg": "jpg"}.get(format, format)
    assert len(found.sha256) == 64


@pytest.mark.parametrize("name", GOOD)
def test_an_image_cut_anywhere_is_refused(name: str) -> None:
    data = GOOD[name]
    cuts = (
        range(len(data)) if len(data) < 4000 else [*range(2000), *range(2000, len(data), 997), len(data) - 1]
    )
    for cut in cuts:
        with pytest.raises(BadImage):
            verify(data[:cut])


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize(
    "tail", [b"\0", b"\n", b"<html><script>", GOOD["png"], GOOD["jpeg"], b"\xff\xd9", b"IEND"]
)
def test_something_behind_the_image_is_refused(name: str, tail: bytes) -> None:
    assert reason(GOOD[name] + tail) == "trailing_bytes"


@pytest.mark.parametrize("at", range(8, len(GOOD["png"])))
def test_a_png_with_one_wrong_byte_is_refused(at: int) -> None:
    data = bytearray(GOOD["png"])
    data[at] ^= 0x55
    with pytest.raises(BadImage):
        verify(bytes(data))


OTHERS = {
    "a page": b"<html><body>502 Bad Gateway</body></html>",
    "json": b'{"error":"quota"}',
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "gif": encoded("GIF", picture(mode="P")),
    "bmp": encoded("BMP"),
    "tiff": encoded("TIFF"),
    "pdf": b"%PDF-1.7\n",
    "wav": b"RIFF\x24\0\0\0WAVEfmt ",
    "zeros": bytes(1000),
    "base64 of a png": b"iVBORw0KGgoAAAANSUhEUg",
    "a png behind a space": b" " + GOOD["png"],
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_image_of_the_three_types_is_refused(name: str) -> None:
    assert reason(OTHERS[name]) == "not_an_image"


def test_no_bytes_are_refused() -> None:
    assert reason(b"") == "empty"


def test_another_size_than_wanted_is_refused_and_without_a_wish_taken() -> None:
    data = encoded("PNG", picture(27, 48))
    assert reason(data, WANTED) == "wrong_size"
    assert verify(data).height == 48


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def header(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


PIXELS, END = chunk(b"IDAT", zlib.compress(b"\0")), chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(13_300, 13_300), (16_385, 1), (1, 16_385), (2**31, 2**31), (6325, 6325)])
def test_a_bomb_is_refused_by_its_header(size: tuple[int, int]) -> None:
    assert reason(png(header(*size), PIXELS, END)) == "too_large"


@pytest.mark.parametrize(
    "data",
    [
        png(END),
        png(header(1, 1), END),
        png(PIXELS, header(1, 1), END),
        png(header(1, 1), header(2, 2), PIXELS, END),
        png(header(1, 1), PIXELS, chunk(b"IEND", b"x")),
        png(header(0, 1), PIXELS, END),
        png(header(1, 1, depth=3), PIXELS, END),
        png(header(1, 1, colour=7), PIXELS, END),
        png(chunk(b"IHDR", b"short"), PIXELS, END),
    ],
)
def test_a_png_whose_chunks_make_no_image_is_refused(data: bytes) -> None:
    assert reason(data) == "corrupt"


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP" + b"".join(
        name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


VP8 = GOOD["webp lossy"][20:]
CANVAS = b"\0\0\0\0" + (47).to_bytes(3, "little") + (26).to_bytes(3, "little")


def test_a_webp_put_together_by_hand_is_an_image() -> None:
    assert verify(riff((b"VP8X", CANVAS), (b"VP8 ", VP8)), WANTED).mime == "image/webp"


@pytest.mark.parametrize(
    "data",
    [
        riff(),
        riff((b"EXIF", b"abcd")),
        riff((b"VP8 ", b"")),
        riff((b"VP8 ", b"\0" * 10)),
        riff((b"VP8L", b"\x2e\0\0\0\0")),
        riff((b"VP8X", b"short"), (b"VP8 ", VP8)),
        riff((b"VP8X", CANVAS)),
        riff((b"VP8X", b"\0" * 10), (b"VP8 ", VP8)),
        riff((b"VP8 ", VP8), (b"VP8L", GOOD["webp lossless"][20:])),
    ],
)
def test_a_webp_whose_chunks_make_no_image_is_refused(data: bytes) -> None:
    assert reason(data) == "corrupt"


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xda\0\x02\xff\xd9",
        b"\xff\xd8\xff\xc0\0\x03\x08\xff\xd9",
        b"\xff\xd8\xff\xe0\0\x01\xff\xd9",
        b"\xff\xd8\xff\xd8\xff\xd9",
        GOOD["jpeg"].replace(b"\xff\xc0\0\x11\x08\0\x1b", b"\xff\xc0\0\x11\x08\0\0"),
    ],
)
def test_a_jpeg_whose_markers_make_no_image_is_refused(data: bytes) -> None:
    assert reason(data) == "corrupt"


def test_moving_pictures_are_refused() -> None:
    frames = {"save_all": True, "append_images": [picture().rotate(90)], "duration": 10}
    assert reason(encoded("WEBP", **frames)) == "animated"
    assert reason(encoded("PNG", **frames)) == "animated"


# ---- conversion ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in GOOD if name != "jpeg with a profile"])  # a false one
@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_every_image_can_be_had_in_every_format(name: str, format: str) -> None:
    made = convert(GOOD[name], format)
    assert verify(made, WANTED).mime == f"image/{format}"


def test_a_conversion_to_png_keeps_every_pixel() -> None:
    made = convert(GOOD["webp lossless"], "png")
    assert list(Image.open(io.BytesIO(made)).convert("RGB").getdata()) == list(picture().getdata())


def test_what_was_transparent_is_white_in_jpeg_and_stays_in_webp() -> None:
    clear = encoded("PNG", Image.new("RGBA", (48, 27), (255, 0, 0, 0)))
    assert Image.open(io.BytesIO(convert(clear, "jpeg"))).getpixel((5, 5)) == (255, 255, 255)
    assert Image.open(io.BytesIO(convert(clear, "webp"))).getpixel((5, 5))[3] == 0


@pytest.mark.parametrize("format", ["jpeg", "webp"])
def test_compression_makes_a_file_smaller(format: str) -> None:
    data = encoded("PNG", Image.effect_noise((200, 200), 80).convert("RGB"))
    sizes = [len(convert(data, format, compression)) for compression in (0, 50, 100)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2]


def test_a_conversion_drops_metadata_and_turns_the_picture_upright() -> None:
    turned = exif(0x0112, 6)  # by a quarter
    turned[0x010E] = "a secret place"
    made = convert(encoded("JPEG", exif=turned, comment=b"a secret word"), "jpeg")
    assert b"secret" not in made
    assert (verify(made).width, verify(made).height) == (27, 48)


def test_an_image_that_only_looks_complete_is_found_out_when_it_is_converted() -> None:
    with pytest.raises(BadImage):
        convert(png(header(48, 27), chunk(b"IDAT", b"no zlib at all"), END), "jpeg")


# ---- where it is kept ------------------------------------------------------------------------


def test_a_key_tells_the_day_and_nobody_can_guess_it() -> None:
    made = [outputs.key("live", date(2026, 11, 20), UUID(int=1), UUID(int=2), 3, 1, "png") for _ in range(2)]
    front = "live/20261120/00000000-0000-0000-0000-000000000001/00000000-0000-0000-0000-000000000002/3-1-"
    assert all(key.startswith(front) and key.endswith(".png") for key in made)
    assert len(made[0].removeprefix(front)) == 32 + len(".png")
    assert made[0] != made[1]
