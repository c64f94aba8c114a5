"""Files made to hurt whoever opens them: refused, each in a sentence, at no price (I1; A10, A11, F33)."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from generations.inputs import decoder
from generations.inputs.decoder import decode
from generations.inputs.refusal import Refused
from tests.generations.inputs import corpus
from tests.generations.inputs.corpus import NO_IMAGES, plain, save

JPEG = save(plain(), "JPEG")


def refusal(data: bytes, **options: bool) -> Refused:
    with pytest.raises(Refused) as caught:
        asyncio.run(decode(data, **options))
    return caught.value


@pytest.mark.parametrize("what", NO_IMAGES)
@pytest.mark.parametrize("gif", [False, True])
def test_what_is_no_image_is_refused_by_its_first_bytes(what: str, gif: bool) -> None:
    assert refusal(NO_IMAGES[what], gif=gif).kind == "unsupported_media"


def test_nothing_is_no_image() -> None:
    assert refusal(b"").reason == "not_an_image"


BOMBS = {
    "PNG 13300x13300": lambda: corpus.flat_png(13300, 13300),
    "WebP 16000x11000": lambda: corpus.flat_webp(16000, 11000),
    "HEIC 11900x11900": lambda: corpus.lying_heic(11900, 11900),
    "a million wide": lambda: corpus.flat_png(1_000_000, 1),
    "one pixel too many": lambda: corpus.flat_png(8000, 5001),
    "one pixel too wide": lambda: corpus.flat_png(16_385, 8),
    "more than fits in memory": lambda: save(plain("RGB", (6200, 6200)), "WEBP", lossless=True, method=0),
}  # fmt: skip


@pytest.mark.parametrize("what", BOMBS)
def test_a_bomb_does_not_go_off(what: str) -> None:
    data = BOMBS[what]()
    assert len(data) < 1_000_000
    refused = refusal(data)
    assert (refused.kind, refused.reason) == ("too_large", "image_too_large")


@pytest.mark.parametrize("size", [(8000, 5000), (16_384, 8)])
def test_the_largest_that_may_be_is_taken(size: tuple[int, int]) -> None:
    made = asyncio.run(decode(corpus.flat_png(*size)))
    assert (made.width, made.height) == size


@pytest.mark.parametrize("name", [b"zTXt", b"iCCP", b"iTXt"])
def test_a_text_that_swells_is_not_read(name: bytes) -> None:
    swollen = zlib.compress(bytes(64 * 2**20), 9)
    body = b"a\0\0" + (b"" if name != b"iTXt" else b"\x00\0\0") + swollen
    if name == b"iTXt":
        body = b"a\0\x01\0\0\0" + swollen
    assert refusal(corpus.png_with(name, body)).reason == "not_an_image"


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
@pytest.mark.parametrize("frames", [2, 200])
def test_an_animation_is_refused(format: str, frames: int) -> None:
    assert refusal(corpus.animation(format, frames)).reason == "animated"


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "HEIF"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_half_a_file_is_refused(format: str, share: float) -> None:
    random.seed(1)
    whole = save(plain("RGB", (200, 200)).effect_spread(20), format)
    assert refusal(whole[: int(len(whole) * share)]).reason == "not_an_image"


@pytest.mark.parametrize(
    "data",
    [corpus.png()[:8], JPEG[:3], b"RIFF\x10\0\0\0WEBP", b"\0\0\0\x18ftypheic", b"GIF89a",
     corpus.png()[:8] + JPEG, JPEG[:3] + corpus.SCRIPT, b"\xff\xd8\xff\xe1\xff\xff" + b"Exif\0\0" * 9000],
)  # fmt: skip
def test_a_signature_alone_is_no_image(data: bytes) -> None:
    assert refusal(data, gif=True).reason == "not_an_image"


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "HEIF"])
def test_a_damaged_file_is_a_picture_or_a_refusal(format: str, seed: int) -> None:
    dice, data = random.Random(seed), bytearray(save(plain(), format))
    for _ in range(8):
        data[dice.randrange(len(data))] = dice.randrange(256)
    try:
        made = asyncio.run(decode(bytes(data)))
    except Refused:
        return
    assert corpus.opened(made.data).size == (made.width, made.height)


# ---- the child, should a decoder be taken over ----


@pytest.mark.parametrize(
    "attempt",
    ["open('/etc/passwd')", "open('/tmp/easel-escaped', 'w')", "__import__('socket').socket()",
     "__import__('subprocess').run(['true'])", "bytearray(600 << 20)", "__import__('os').pipe()"],
)  # fmt: skip
def test_the_child_can_reach_nothing(attempt: str) -> None:
    program = (
        "import os, socket, subprocess, sys\n"
        "from decode_child import _limit\n"
        f"_limit()\ntry:\n    {attempt}\nexcept (OSError, MemoryError):\n    sys.exit(7)"
    )
    folder = Path(decoder.__file__).parent
    run = subprocess.run([sys.executable, "-c", program], cwd=folder, check=False)
    assert run.returncode == 7


def test_the_child_sees_no_secret() -> None:
    source = Path(decoder.__file__).read_text()
    assert 'sys.executable, "-I"' in source
    assert "env={}" in source


@pytest.mark.parametrize(
    ("program", "reason"),
    [("while True: pass", "image_too_large"), ("import os; os.kill(os.getpid(), 9)", "image_too_large"),
     ("import sys\nwhile True: sys.stdout.write('a' * 65536)", "image_too_large"),
     ("import sys; sys.stdin.close(); sys.exit(1)", "not_an_image"),
     ("print('<html>')", "not_an_image"), ("", "not_an_image")],
)  # fmt: skip
def test_whatever_the_child_does_the_parent_goes_on(
    program: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decoder that was taken over does as it likes, within its limits."""
    taken_over = tmp_path / "child.py"
    taken_over.write_text(program)
    monkeypatch.setattr(decoder, "CHILD", taken_over)
    monkeypatch.setattr(decoder, "WALL_SECONDS", 2.0)
    assert refusal(corpus.png((2000, 2000), compress_level=0)).reason == reason
