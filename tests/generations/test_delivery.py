"""What of an engine's answer is kept, and as what."""

from __future__ import annotations

import asyncio
import hashlib
import io
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from PIL import Image as Pillow

from generations.actions.claim import Claimed
from generations.delivery import Harvest
from generations.spec import Image, Input, Order, Outcome, Refusal, Size, Text
from runtime import storage
from tests.upstreams.gemini import pictures

FLASH = "gemini-2.5-flash-image"
SQUARE = Size("1K", "1:1", 256, 256, 1290)
GOOD, OTHER = pictures.png(256, 256, 1), pictures.png(256, 256, 2)


def harvest(count: int = 1, **asked: object) -> Harvest:
    order = Order(**{"model": FLASH, "asked": FLASH, "prompt": "A lamp", "count": count} | asked)  # type: ignore[arg-type]
    now = datetime.now(UTC)
    mine = Claimed(
        uuid4(),
        uuid4(),
        "live",
        FLASH,
        order,
        count,
        1,
        2,
        "test",
        1290,
        30_000,
        now,
        now + timedelta(minutes=5),
    )
    return Harvest(mine, SQUARE)


def take(into: Harvest, *parts: Text | Image | Refusal) -> int:
    return asyncio.run(into.take(Outcome(parts)))


def image(data: bytes, signature: str | None = None) -> Image:
    return Image(data, "image/png", signature)


def kept(data: bytes, role: str = "image") -> Input:
    """An input that is in storage."""
    key = f"live/20261120/team/inputs/{uuid4()}.png"
    storage.default().put(key, data, "image/png")
    return Input(hashlib.sha256(data).hexdigest(), "image/png", 256, 256, len(data), key, role)


def encoded(picture: Pillow.Image) -> bytes:
    picture.save(file := io.BytesIO(), "PNG")
    return file.getvalue()


def test_good_bytes_are_kept_as_they_came_with_the_words_around_them() -> None:
    made = harvest(2)
    assert take(made, Text("Here."), image(GOOD, "c2ln"), Text("And."), image(OTHER)) == 0
    assert [good.data for good in made.good] == [GOOD, OTHER]
    assert [next(iter(part)) for part in made.parts] == ["text", "image", "text", "image"]
    assert made.parts[1] == {"image": 0, "signature": "c2ln"}


def test_calls_add_up_to_what_was_ordered_and_no_more() -> None:
    made = harvest(2)
    take(made, image(GOOD))
    assert made.missing == 1
    take(made, image(OTHER), image(GOOD))
    assert (len(made.good), made.surplus, made.missing) == (2, 1, 0)


@pytest.mark.parametrize(
    "bad", [b"", GOOD[:-40], pictures.plain(256, 256), pictures.png(256, 128, 1), pictures.png(64, 64, 1)]
)
def test_a_bad_image_is_counted_and_not_kept(bad: bytes) -> None:
    made = harvest(2)
    assert take(made, image(GOOD), image(bad)) == 1
    assert ([good.data for good in made.good], made.missing) == ([GOOD], 1)
    assert "image refused" in made.spoiled[0]
    assert made.spoilt() is None, "something good came"


def test_nothing_but_bad_images_is_a_failure_without_words() -> None:
    made = harvest()
    take(made, Text("Here is the picture."), image(pictures.plain(256, 256)))
    failed = made.spoilt()
    assert failed is not None
    assert failed.retryable
    assert made.parts == []


def test_an_input_given_back_is_no_output() -> None:
    made = harvest(inputs=(kept(GOOD),))
    assert take(made, image(GOOD)) == 1
    assert "an_input" in made.spoiled[0]
    assert take(made, image(OTHER)) == 0


def test_a_picture_without_a_ratio_follows_its_input_and_may_have_any() -> None:
    made = harvest(inputs=(kept(OTHER),))
    assert take(made, image(pictures.png(384, 256, 1))) == 0


def test_another_format_is_made_when_it_is_ordered() -> None:
    made = harvest(format="webp")
    take(made, image(GOOD))
    assert made.good[0].verified.mime == "image/webp"


def test_outside_the_mask_the_original_is_put_back() -> None:
    original = encoded(Pillow.new("RGB", (256, 256), "red"))
    hole = Pillow.new("RGBA", (256, 256), (0, 0, 0, 255))
    hole.paste((0, 0, 0, 0), (128, 0, 256, 256))
    inputs = (kept(original), kept(encoded(hole), "mask"))
    made = harvest(inputs=inputs)
    take(made, image(GOOD, "c2ln"))
    (good,) = made.good
    with Pillow.open(io.BytesIO(good.data)) as picture, Pillow.open(io.BytesIO(GOOD)) as drawn:
        assert picture.getpixel((10, 200)) == (255, 0, 0)
        assert picture.getpixel((250, 200)) == drawn.convert("RGB").getpixel((250, 200))
    assert good.verified.sha256 == hashlib.sha256(good.data).hexdigest()
    assert good.signature == "c2ln"


def test_what_is_stored_is_what_will_be_charged() -> None:
    made = harvest(2)
    take(made, image(GOOD), image(OTHER))
    stored = asyncio.run(made.store())
    assert [storage.default().read(one.key) for one in stored] == [GOOD, OTHER]
    rows = made.rows(stored)
    assert [(row.number, row.storage_key, row.bytes) for row in rows] == [
        (number, one.key, one.bytes) for number, one in enumerate(stored)
    ]


def test_a_ratio_that_was_asked_is_exact_with_inputs_too() -> None:
    made = harvest(ratio="1:1", inputs=(kept(OTHER),))
    assert take(made, image(pictures.png(384, 256, 1))) == 1
