"""The gemini door's streams over HTTP: opened with the hold, and nothing lost when they are cut."""

from __future__ import annotations

import io
import json
from base64 import b64decode
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from PIL import Image

from tests.cast import IMAGE, Cast
from tests.flows.wire import CLIENT, MODEL, Books


@pytest.fixture
def key(cast: Cast) -> str:
    """A live key with credit for ten images."""
    cast.credit(10)
    return cast.key()


def open_stream(url: str, key: str, prompt: str, query: str = "?alt=sse", **headers: str) -> Any:
    return CLIENT.stream(
        "POST",
        f"{url}/gemini/v1beta/models/{MODEL}:streamGenerateContent{query}",
        json={"contents": [{"parts": [{"text": prompt}]}]},
        headers={"x-goog-api-key": key, **headers},
    )


def picture_of(chunk: dict[str, Any]) -> Image.Image:
    file = chunk["candidates"][0]["content"]["parts"][-1]["inlineData"]["data"]
    picture = Image.open(io.BytesIO(b64decode(file)))
    picture.load()
    return picture


def read(answer: httpx2.Response) -> list[dict[str, Any]]:
    text = answer.read().decode()
    return [json.loads(line.removeprefix("data: ")) for line in text.split("\r\n") if line]


@pytest.mark.parametrize("query", ["?alt=sse", "?$alt=sse", ""], ids=["sse", "$alt", "array"])
def test_the_generation_is_named_before_its_picture_is_there(
    url: str, key: str, books: Books, query: str
) -> None:
    with open_stream(url, key, "test:slow=2", query) as answer:
        generation = answer.headers["x-easel-generation"]
        assert (answer.status_code, answer.headers["x-should-retry"]) == (200, "false")
        assert "content-length" not in answer.headers
        row = books.only()
        assert (str(row["id"]), row["state"]) == (generation, "running")
        chunks = read(answer) if query else json.loads(answer.read())
    assert picture_of(chunks[-1]).size == (1024, 1024)
    assert books.wallet() == (9 * IMAGE, 0)


@pytest.mark.parametrize("after", [0, 1, 60, 1000, 20_000], ids="after {} bytes".format)
def test_a_cut_stream_is_joined_by_the_same_idempotency_key(
    url: str, key: str, books: Books, after: int
) -> None:
    again = {"Idempotency-Key": f"cut-{uuid4()}"}
    with open_stream(url, key, "test:slow=1", **again) as answer:
        generation, came = answer.headers["x-easel-generation"], 0
        for chunk in answer.iter_bytes() if after else ():
            came += len(chunk)
            if came >= after:
                break
    with open_stream(url, key, "test:slow=1", **again) as answer:
        assert answer.headers["idempotency-replayed"] == "true"
        assert answer.headers["x-easel-generation"] == generation
        assert picture_of(read(answer)[-1]).size == (1024, 1024)
    assert [str(row["id"]) for row in books.generations()] == [generation]
    assert books.wallet() == (9 * IMAGE, 0)


def test_a_stream_of_what_is_there_already_says_what_it_cost(url: str, key: str) -> None:
    headers = {"Idempotency-Key": f"twice-{uuid4()}"}
    with open_stream(url, key, "A lamp", **headers) as first:
        chunks = read(first)
    with open_stream(url, key, "A lamp", **headers) as second:
        assert second.headers["x-easel-tokens"] == "1290"
        assert read(second) == chunks


def test_a_failure_after_the_hold_is_an_event(url: str, key: str, books: Books) -> None:
    with open_stream(url, key, "test:fail") as answer:
        assert answer.status_code == 200
        (event,) = read(answer)
    assert (event["error"]["code"], event["error"]["status"]) == (503, "UNAVAILABLE")
    assert books.wallet() == (10 * IMAGE, 0)


def test_a_dry_run_of_a_stream_is_a_plain_answer(url: str, key: str, books: Books) -> None:
    with open_stream(url, key, "A lamp", **{"X-Dry-Run": "true"}) as answer:
        assert answer.headers["content-type"] == "application/json"
        assert json.loads(answer.read())["tokens"] == 1290
    assert books.generations() == []


def test_a_stream_cannot_be_had_without_credit(url: str, cast: Cast) -> None:
    with open_stream(url, cast.key(), "A lamp") as answer:
        assert answer.status_code == 402
        assert json.loads(answer.read())["error"]["status"] == "RESOURCE_EXHAUSTED"
