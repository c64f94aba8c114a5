"""GMI Cloud's door: reference images by URL, by data URI, and inside a conversation of one turn."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from generations.dialect import Answer
from generations.dialects.gmi import Gmi
from generations.errors import Problem
from generations.spec import Kind, Source
from tests.dialects.desk import FLASH, PRO, Caller, MemoryDesk, parsed

REQUESTS = "/api/v1/ie/requestqueue/apikey/requests"
OFFERS = (
    replace(
        FLASH,
        names=("gemini-2.5-flash-image", "banana"),
        default_ratio="1:1",
        max_references=3,
        reference_bytes=30 * 2**20,
    ),
    replace(PRO, names=("gemini-3-pro-image-preview",), default_ratio="1:1", max_references=14),
)
URL, DATA = "https://example.com/cat.png", "data:image/png;base64,iVBORw0KGgo="
MB = 2**20


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk("gmi", models=OFFERS)


@pytest.fixture
def door(desk: MemoryDesk) -> Caller:
    return Caller(Gmi(), desk)


def refusal(answer: Answer, status: int = 400) -> str:
    """The sentence that is the whole error."""
    assert answer.status == status, answer.content()
    body = parsed(answer)
    assert list(body) == ["error"]
    return str(body["error"])


def submit(door: Caller, model: str = "gemini-2.5-flash-image", **payload: Any) -> Answer:
    return door.ask("POST", REQUESTS, {"model": model, "payload": {"prompt": "x"} | payload})


def test_an_image_is_a_url_a_data_uri_or_an_array_of_them(door: Caller, desk: MemoryDesk) -> None:
    for image in (URL, [URL, "gs://bucket/cat.png", DATA]):
        assert submit(door, image=image).status == 200
    inline, whole = 7 * MB, 30 * MB
    assert desk.taken == [
        Source("payload.image[0]", url=URL, limit=whole),
        Source("payload.image[0]", url=URL, limit=whole),
        Source("payload.image[1]", url="gs://bucket/cat.png", limit=whole),
        Source("payload.image[2]", url=DATA, limit=inline),
    ]
    assert [len(order.inputs) for order in desk.orders] == [1, 3]
    assert desk.orders[1].echo == {
        "payload": {"prompt": "x", "image": [URL, "gs://bucket/cat.png", "data:image/png;base64"]},
        "references": [URL, "gs://bucket/cat.png", None],
    }


def test_an_unset_ratio_follows_the_image(door: Caller, desk: MemoryDesk) -> None:
    submit(door)
    submit(door, image=URL)
    submit(door, image=URL, aspect_ratio="16:9")
    assert [order.ratio for order in desk.orders] == ["1:1", None, "16:9"]


@pytest.mark.parametrize("model, most", [("gemini-2.5-flash-image", 3), ("gemini-3-pro-image-preview", 14)])
def test_as_many_images_as_the_model_takes_and_not_one_more(
    door: Caller, desk: MemoryDesk, model: str, most: int
) -> None:
    assert submit(door, model, image=[URL] * most).status == 200
    message = refusal(submit(door, model, image=[URL] * (most + 1)))
    assert message == f"payload.image takes at most {most} images, got {most + 1}"
    assert len(desk.orders) == 1


def inline(length: int) -> list[dict[str, Any]]:
    """A conversation of one turn with that many bytes of picture inside."""
    data = base64.b64encode(bytes(length)).decode()
    return [
        {"role": "user", "parts": [{"text": "x"}, {"inlineData": {"mimeType": "image/png", "data": data}}]}
    ]


def test_seven_megabytes_inline_pass_and_one_byte_more_does_not(door: Caller, desk: MemoryDesk) -> None:
    assert submit(door, contents=inline(7 * MB)).status == 200
    message = refusal(submit(door, contents=inline(7 * MB + 1)), 413)
    assert message == "payload.contents[0].parts[1].inlineData is too large: at most 7 MB inline"
    assert [len(source.data) for source in desk.taken] == [7 * MB]


def test_nothing_is_fetched_for_an_order_that_is_wrong_elsewhere(door: Caller, desk: MemoryDesk) -> None:
    assert submit(door, image=URL, aspect_ratio="7:4").status == 400
    assert not desk.taken


@pytest.mark.parametrize(
    "kind, status", [(Kind.BAD_REQUEST, 400), (Kind.TOO_LARGE, 413), (Kind.UNSUPPORTED_MEDIA, 415)]
)
def test_an_image_that_cannot_be_had_is_named_and_orders_nothing(
    door: Caller, desk: MemoryDesk, kind: Kind, status: int
) -> None:
    sentence = "payload.image[0] could not be used."
    desk.refused_sources["payload.image[0]"] = Problem(kind, sentence, param="payload.image[0]")
    assert refusal(submit(door, image=URL), status) == sentence
    assert not desk.orders
