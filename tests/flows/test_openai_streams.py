"""OpenAI's own client, unmodified, reading a generation as events."""

from __future__ import annotations

import base64
import io
from uuid import uuid4

import openai
import pytest
from openai.types import ImageGenCompletedEvent, ImageGenPartialImageEvent
from PIL import Image

from tests.cast import IMAGE, Cast
from tests.flows.wire import CLIENT, EVOLINK, MODEL, OPENAI, TOKENS, Books, eventually


@pytest.fixture
def key(cast: Cast) -> str:
    """A live key with credit for ten images."""
    cast.credit(10)
    return cast.key()


@pytest.fixture
def client(url: str, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/openai/v1", api_key=key)


def decoded(b64: str) -> Image.Image:
    picture = Image.open(io.BytesIO(base64.b64decode(b64)))
    picture.load()
    return picture


def test_each_picture_is_one_event_typed_by_the_client(client: openai.OpenAI, books: Books) -> None:
    events = list(client.images.generate(model=MODEL, prompt="Two lamps", n=2, size="1792x1024", stream=True))

    assert [type(event) for event in events] == [ImageGenCompletedEvent] * 2
    assert [decoded(event.b64_json).size for event in events] == [(1344, 768)] * 2
    assert [event.type for event in events] == ["image_generation.completed"] * 2
    assert {(event.size, event.output_format, event.background) for event in events} == {
        ("1344x768", "png", "opaque")
    }
    assert sum(e.usage.output_tokens for e in events if isinstance(e, ImageGenCompletedEvent)) == 2 * TOKENS
    assert books.wallet() == (8 * IMAGE, 0)


def test_previews_come_first_and_cost_nothing(client: openai.OpenAI, books: Books) -> None:
    *previews, last = client.images.generate(model=MODEL, prompt="A lamp", stream=True, partial_images=2)

    assert isinstance(last, ImageGenCompletedEvent)
    assert all(isinstance(preview, ImageGenPartialImageEvent) for preview in previews)
    assert [decoded(preview.b64_json).size for preview in previews] == [(128, 128), (256, 256)]
    assert books.wallet() == (9 * IMAGE, 0)


def test_the_generation_is_told_before_its_picture_is_there(url: str, key: str, books: Books) -> None:
    body = OPENAI.order("test:slow=2", stream=True)
    headers = {"Authorization": f"Bearer {key}"}
    with CLIENT.stream("POST", f"{url}/openai/v1/images/generations", json=body, headers=headers) as answer:
        lines = answer.iter_lines()
        generation = answer.headers["x-easel-generation"]
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert next(lines) == f": generation {generation}"
        assert answer.headers["ratelimit-limit"]
        assert str(books.only()["id"]) == generation
        assert books.only()["state"] == "running"
        assert "event: image_generation.completed" in list(lines)
    assert books.wallet() == (9 * IMAGE, 0)


def test_who_hangs_up_in_the_middle_finds_the_picture_at_no_extra_charge(
    url: str, client: openai.OpenAI, key: str, books: Books
) -> None:
    headers = {"Idempotency-Key": f"cut-{uuid4()}"}
    order = {"model": MODEL, "prompt": "test:slow=2"}
    url_of = f"{url}/openai/v1/images/generations"
    with CLIENT.stream(
        "POST", url_of, json=order | {"stream": True}, headers=headers | {"Authorization": f"Bearer {key}"}
    ) as answer:
        generation = next(answer.iter_lines()).removeprefix(": generation ")

    again = client.images.generate(**order, stream=True, extra_headers=headers)  # type: ignore[call-overload]

    assert [event.type for event in again] == ["image_generation.completed"]
    (row,) = books.settled()
    assert str(row["id"]) == generation
    assert OPENAI.read(url, key, generation).json()["status"] == "completed"
    assert books.wallet() == (9 * IMAGE, 0)


def test_what_is_refused_before_the_hold_is_an_error_with_its_status(url: str, cast: Cast) -> None:
    poor = openai.OpenAI(base_url=f"{url}/openai/v1", api_key=cast.key())
    with pytest.raises(openai.APIStatusError, match="insufficient credits") as raised:
        poor.images.generate(model=MODEL, prompt="A lamp", stream=True)
    assert raised.value.status_code == 402


@pytest.mark.parametrize(
    ("prompt", "code"), [("test:fail", "all_providers_failed"), ("test:block", "moderation_blocked")]
)
def test_a_failure_is_raised_by_the_client_while_it_reads(
    client: openai.OpenAI, books: Books, prompt: str, code: str
) -> None:
    events = client.images.generate(model=MODEL, prompt=prompt, stream=True)
    with pytest.raises(openai.APIError) as raised:
        list(events)
    assert raised.value.code == code
    assert books.wallet() == (10 * IMAGE, 0)


def test_a_dry_run_of_a_stream_is_a_plain_answer(client: openai.OpenAI, books: Books) -> None:
    raw = client.images.with_raw_response.generate(
        model=MODEL, prompt="A lamp", stream=True, extra_headers={"X-Dry-Run": "true"}
    )
    assert raw.http_response.read().startswith(b'{"dry_run":true,"tokens":1290,"cost_usd":"0.0387"')
    assert books.generations() == []


def test_what_another_door_made_reads_here_with_where_it_stands(url: str, key: str) -> None:
    task = EVOLINK.post(url, key, EVOLINK.order("A lamp")).json()["id"]
    eventually(lambda: OPENAI.read(url, key, task).status_code == 200)
    body = OPENAI.read(url, key, task).json()
    assert (body["object"], body["status"], body["progress"]) == ("image.generation", "completed", 100)
    assert body["expires_at"] > body["created"]
    (link,) = body["links"]
    assert CLIENT.get(link).content == base64.b64decode(body["data"][0]["b64_json"])


def test_the_key_and_the_wallet_tell_what_is_left(url: str, client: openai.OpenAI, key: str) -> None:
    client.images.generate(model=MODEL, prompt="A lamp")
    headers = {"Authorization": f"Bearer {key}"}
    told = CLIENT.get(f"{url}/openai/v1/key", headers=headers).json()["data"]
    wallet = CLIENT.get(f"{url}/openai/v1/credits", headers=headers).json()["data"]
    assert (told["label"], told["usage"], told["limit"]) == ("test", "0.0387", None)
    assert wallet == {"total_credits": "0.387", "total_usage": "0.0387", "remaining_credits": "0.3483"}


def test_the_progress_of_another_doors_task_can_be_listened_to(url: str, key: str) -> None:
    task = EVOLINK.post(url, key, EVOLINK.order("test:slow=2")).json()["id"]
    headers = {"Authorization": f"Bearer {key}", "Accept": "text/event-stream"}
    told = CLIENT.get(f"{url}/openai/v1/generations/{task}", headers=headers).text
    names = [line.removeprefix("event: ") for line in told.splitlines() if line.startswith("event: ")]
    assert (names[0], names[-1]) == ("generation.progress", "generation.completed")


@pytest.mark.parametrize(("characters", "status"), [(32_000, 200), (32_001, 400)])
def test_a_prompt_may_have_32_000_characters(url: str, key: str, characters: int, status: int) -> None:
    answer = OPENAI.post(url, key, OPENAI.order("é" * characters))
    assert answer.status_code == status
    assert status == 200 or answer.json()["error"]["param"] == "prompt"


@pytest.mark.parametrize("path", ["/openai", "/openai/"])
def test_the_door_is_well_and_says_so_without_a_key(url: str, path: str) -> None:
    assert CLIENT.get(url + path).json()["message"] == "OK"
