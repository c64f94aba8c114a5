"""The sandbox: real pictures of exactly the catalogue's pixels, and magic words that go wrong."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from generations.errors import ProviderError
from generations.provider import Account, Job
from generations.providers.sandbox import FAILURES, Sandbox
from generations.spec import (
    Image,
    Input,
    Kind,
    Order,
    Outcome,
    Picture,
    Refusal,
    Sampling,
    Size,
    Text,
    Turn,
)

FLASH = "gemini-2.5-flash-image"
PROMPT = "A white cat on a windowsill"
SQUARE = Size("1K", "1:1", 1024, 1024, 1290)
HASHES: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("sandbox_pixels.json").read_text())


def order(prompt: str = PROMPT, **asked: Any) -> Order:
    return Order(**{"model": FLASH, "asked": FLASH, "prompt": prompt} | asked)


def generate(wanted: Order, size: Size = SQUARE, stored: bytes = b"", **changes: Any) -> Outcome:
    async def read(key: str) -> bytes:
        assert key == "inputs/1"
        return stored

    async def main() -> Outcome:
        engine = Sandbox(Account("sandbox"))
        plain = Job(wanted, FLASH, wanted.count, size, deadline=20, attempt=1, read=read)
        try:
            return await engine.generate(replace(plain, **changes))
        finally:
            await engine.close()

    return asyncio.run(main())


def failure(prompt: str, **changes: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        generate(order(prompt), **changes)
    return caught.value


def draw(prompt: str = PROMPT, *, seed: int | None = None, count: int = 1, **changes: Any) -> list[bytes]:
    wanted = order(prompt, count=count, sampling=Sampling(seed=seed))
    return [image.data for image in generate(wanted, **changes).images]


def pixels(data: bytes) -> Pillow.Image:
    picture = Pillow.open(io.BytesIO(data))
    picture.load()
    return picture


def digest(data: bytes) -> str:
    """Of the pixels, not of the file: another build of zlib packs the same picture otherwise."""
    return hashlib.sha256(pixels(data).tobytes()).hexdigest()


def stored_input(data: bytes) -> Input:
    picture = pixels(data)
    size = picture.width, picture.height
    return Input("0" * 64, "image/png", *size, bytes=len(data), key="inputs/1")


def plain_png(colour: tuple[int, int, int]) -> bytes:
    file = io.BytesIO()
    Pillow.new("RGB", (300, 200), colour).save(file, "PNG")
    return file.getvalue()


# ---- pictures --------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", HASHES)
def test_each_cell_of_25_flash_is_drawn_to_the_pixel_and_always_the_same(ratio: str) -> None:
    cell = HASHES[ratio]
    (data,) = draw(size=Size("1K", ratio, cell["width"], cell["height"], 1290), seed=7)
    picture = pixels(data)
    assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (cell["width"], cell["height"]))
    assert digest(data) == cell["sha256"]


def test_all_ten_ratios_have_a_known_picture() -> None:
    assert len(HASHES) == 10
    assert len({cell["sha256"] for cell in HASHES.values()}) == 10


@pytest.mark.parametrize(
    "size", [(192, 1536), (1536, 192), (512, 512), (6336, 2688)], ids=lambda s: f"{s[0]}x{s[1]}"
)
def test_small_extreme_and_large_pictures_are_exact_too(size: tuple[int, int]) -> None:
    (data,) = draw(size=Size("x", "x", *size, 1))
    assert pixels(data).size == size


def test_the_same_order_gives_the_same_bytes() -> None:
    assert draw(seed=1, count=2) == draw(seed=1, count=2)


def test_prompt_seed_ratio_and_number_each_change_the_picture() -> None:
    wide = replace(SQUARE, ratio="16:9")
    made = [*draw(seed=1, count=3), *draw(seed=2), *draw("A black dog", seed=1), *draw(seed=1, size=wide)]
    assert len({digest(data) for data in made}) == len(made) == 6


def test_what_a_second_attempt_still_owes_are_the_later_pictures() -> None:
    whole = generate(order(count=3)).images
    rest = generate(order(count=3), count=2).images
    assert [i.data for i in rest] == [i.data for i in whole[1:]]


def test_a_picture_is_a_picture() -> None:
    """Many colours, light and shade; under 1.5 MB."""
    (data,) = draw()
    colours = pixels(data).getcolors(1024 * 1024)
    assert colours is not None
    assert len(colours) > 5_000
    assert len(data) < 1_500_000


def test_it_is_marked_in_the_corner() -> None:
    """A dark pill with white letters, in every palette."""
    for prompt in ("night", "summer", "forest", "sea"):
        corner = pixels(draw(prompt)[0]).crop((890, 20, 1005, 60)).convert("L")
        histogram = corner.histogram()
        assert sum(histogram[:40]) > 1500
        assert sum(histogram[235:]) > 120


def test_the_last_input_hangs_on_the_wall() -> None:
    red = plain_png((250, 0, 0))
    wanted = order(inputs=(stored_input(red),))
    shown = pixels(generate(wanted, stored=red).images[0].data)
    bare = pixels(draw()[0])
    red_pixels = [sum(c for c, rgb in p.getcolors(2**20) or [] if rgb == (250, 0, 0)) for p in (shown, bare)]
    assert red_pixels[0] > 100_000
    assert red_pixels[1] == 0


def test_several_inputs_hang_side_by_side() -> None:
    files = {"inputs/red": plain_png((250, 0, 0)), "inputs/blue": plain_png((0, 0, 250))}
    inputs = tuple(replace(stored_input(data), key=key) for key, data in files.items())

    async def read(key: str) -> bytes:
        return files[key]

    shown = pixels(generate(order(inputs=inputs), read=read).images[0].data)
    found = {rgb: count for count, rgb in shown.getcolors(2**20) or []}
    assert found[250, 0, 0] > 30_000
    assert found[0, 0, 250] > 30_000


def test_an_input_that_is_no_image_is_said() -> None:
    red = plain_png((250, 0, 0))
    with pytest.raises(ProviderError) as caught:
        generate(order(inputs=(stored_input(red),)), stored=red[:60])
    assert caught.value.kind is Kind.UNSUPPORTED_MEDIA
    assert not caught.value.retryable


@pytest.mark.parametrize("prompt", ["", "猫", "x" * 5_000, "two\nlines\tand \x7f", "\N{CAT FACE}"])
def test_any_prompt_can_be_drawn(prompt: str) -> None:
    (data,) = draw(prompt, size=Size("512", "1:1", 512, 512, 747))
    assert pixels(data).size == (512, 512)


def test_a_conversation_is_drawn_from_its_last_turn() -> None:
    turns = (Turn("user", (Text("A cat"),)), Turn("model", (Picture(0),)), Turn("user", (Text("a sea"),)))
    outcome = generate(order("", turns=turns))
    assert outcome.images[0].data == draw("a sea")[0]


# ---- usage -----------------------------------------------------------------------------------


def test_usage_counts_as_gemini_does() -> None:
    red = plain_png((250, 0, 0))
    wanted = order("123456789", count=2, inputs=(stored_input(red),) * 2)
    outcome = generate(wanted, stored=red)
    assert (outcome.usage.prompt, outcome.usage.prompt_images) == (3 + 2 * 258, 2 * 258)
    assert outcome.usage.output_images == 2 * 1290
    assert outcome.finish_reason == "STOP"
    assert outcome.request_id == generate(wanted, stored=red).request_id


# ---- magic words -----------------------------------------------------------------------------


def test_fail_is_final() -> None:
    error = failure("please test:fail now")
    assert (error.kind, error.retryable) == (Kind.UPSTREAM_ERROR, False)


def test_block_is_a_refusal_of_the_prompt() -> None:
    outcome = generate(order("test:block"))
    (refusal,) = outcome.parts
    assert isinstance(refusal, Refusal)
    assert refusal.stage == "prompt"
    assert outcome.usage.output_images == 0


def test_text_brings_words_and_no_image() -> None:
    outcome = generate(order("test:text"))
    (said,) = outcome.parts
    assert isinstance(said, Text)
    assert outcome.usage.text > 0
    assert outcome.usage.output_images == 0


@pytest.mark.parametrize(
    ("spell", "ordered", "made"), [("3/4", 4, 3), ("1/2", 2, 1), ("3/4", 1, 1), ("9/4", 2, 2)]
)
def test_partial_delivers_a_part(spell: str, ordered: int, made: int) -> None:
    outcome = generate(order(f"test:partial={spell}", count=ordered), size=Size("512", "1:1", 512, 512, 747))
    assert len(outcome.images) == made
    assert outcome.usage.output_images == made * 747


def test_slow_takes_its_time_and_then_draws() -> None:
    outcome = generate(order("test:slow=0.05"))
    assert isinstance(outcome.parts[0], Image)


def test_slower_than_the_deadline_is_a_timeout() -> None:
    error = failure("test:slow=30", deadline=0.05)
    assert (error.kind, error.retryable) == (Kind.UPSTREAM_TIMEOUT, True)


@pytest.mark.parametrize("kind", FAILURES)
def test_error_fails_with_that_kind(kind: Kind) -> None:
    error = failure(f"a cat test:error={kind}")
    assert (error.kind, error.retryable) == (kind, FAILURES[kind])
    assert not error.waits


def test_blocked_and_imageless_are_answers_as_they_are_at_gemini() -> None:
    (refusal,) = generate(order("test:error=content_blocked")).parts
    assert isinstance(refusal, Refusal)
    assert refusal.stage == "output"
    nothing = generate(order("test:error=no_image"))
    assert (nothing.parts, nothing.finish_reason) == ((), "NO_IMAGE")


def test_an_error_that_no_engine_has_is_refused() -> None:
    error = failure("test:error=no_credit")
    assert error.kind is Kind.BAD_REQUEST
    assert "no_credit is none of" in error.detail


def test_webhook500_is_a_prompt_like_any_other() -> None:
    assert len(generate(order("test:webhook500")).images) == 1
