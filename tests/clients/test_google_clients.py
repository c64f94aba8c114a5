"""Google's own clients, unmodified and with their default settings: Python 3.x and 1.x, JavaScript."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image

from tests.cast import IMAGE, Cast
from tests.clients.talk import Caller, Program, sizes
from tests.flows.wire import CLIENT, MODEL, TOKENS, Books

INSTALLED = (pytest.mark.slow, pytest.mark.timeout(600))


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("new", id="google-genai-3"),
        pytest.param("old", id="google-genai-1", marks=INSTALLED),
        pytest.param("node", id="google-genai-js", marks=INSTALLED),
    ],
)
def program(request: pytest.FixtureRequest, start: Callable[[str, str], Program]) -> Iterator[Program]:
    with start("genai", request.param) as running:
        yield running


def png(width: int, height: int) -> str:
    """A picture in base64."""
    Image.new("RGB", (width, height), (200, 60, 40)).save(out := io.BytesIO(), "PNG")
    return base64.b64encode(out.getvalue()).decode()


def says(error: Any, kind: str, code: int, status: str) -> str:
    """The message of an error of this class (JavaScript has one), code and word."""
    assert error["type"] in (kind, "ApiError"), error
    assert (error["code"], error["status"]) == (code, status), error
    assert error["message"]
    return str(error["message"])


def failed(caller: Caller, task: str, prompt: str, code: int, status: str) -> str:
    """What the client says of a generation that fails. In a stream 1.x raises nothing and has no words:
    the candidate ends without a picture, as OTHER."""
    if (caller.program.runtime, task) == ("old", "stream"):
        told = caller(task, model=MODEL, prompt=prompt)
        assert (told["images"], told["reasons"]) == ([], ["OTHER"])
        return ""
    return says(caller.refused(task, model=MODEL, prompt=prompt), "ServerError", code, status)


# ---- pictures --------------------------------------------------------------------------------


def test_an_image_is_drawn_in_its_shape_and_charged(caller: Caller, books: Books) -> None:
    told = caller("generate", model=MODEL, prompt="A lamp", ratio="16:9")
    assert sizes(told) == [(1344, 768)]
    assert (told["reasons"], told["tokens"], told["model"]) == (["STOP"], TOKENS, MODEL)
    assert books.wallet() == (9 * IMAGE, 0)


def test_two_candidates_are_two_images(caller: Caller, books: Books) -> None:
    told = caller("generate", model=MODEL, prompt="A lamp", count=2)
    assert (len(sizes(told)), told["tokens"]) == (2, 2 * TOKENS)
    assert books.wallet() == (8 * IMAGE, 0)


def test_a_picture_is_edited_in_its_own_shape(caller: Caller, books: Books) -> None:
    told = caller("generate", model=MODEL, prompt="Make it blue", picture=png(320, 180))
    assert sizes(told) == [(1344, 768)]
    assert told["prompt_tokens"] == 3 + 258
    (stored,) = books.only()["order"]["inputs"]
    assert (stored["width"], stored["height"]) == (320, 180)


def test_a_picture_of_ours_is_edited_by_its_link(caller: Caller, books: Books) -> None:
    caller("generate", model=MODEL, prompt="A lamp", ratio="9:16")
    link = link_of(caller, books)
    assert sizes(caller("generate", model=MODEL, prompt="Make it blue", link=link)) == [(768, 1344)]


def link_of(caller: Caller, books: Books) -> str:
    """The link of the one image there is, as another door tells it."""
    answer = CLIENT.get(
        f"{caller.url}/evolink/v1/tasks/{books.only()['id']}",
        headers={"Authorization": f"Bearer {caller.key}"},
    )
    (link,) = answer.json()["results"]
    return str(link)


def test_a_stream_ends_with_the_image_and_its_reason(caller: Caller, books: Books) -> None:
    told = caller("stream", model=MODEL, prompt="A lamp")
    assert (len(sizes(told)), told["reasons"], told["tokens"]) == (1, ["STOP"], TOKENS)
    assert books.wallet() == (9 * IMAGE, 0)


@pytest.mark.slow
def test_a_stream_waits_for_a_slow_image(caller: Caller) -> None:
    assert len(sizes(caller("stream", model=MODEL, prompt="test:slow=12"))) == 1


@pytest.mark.parametrize("streamed", [False, True])
def test_a_chat_edits_what_it_drew_before(caller: Caller, books: Books, streamed: bool) -> None:
    told = caller("chat", model=MODEL, prompts=["A lamp", "Make it blue"], ratio="3:2", streamed=streamed)
    assert [sizes(turn) for turn in told["turns"]] == [[(1248, 832)], [(1248, 832)]]
    assert told["remembered"] == ["user", "model", "user", "model"]
    drawn, edited = books.generations()
    assert drawn["order"]["inputs"] == []
    assert [turn["role"] for turn in edited["order"]["turns"]] == ["user", "model", "user"]
    assert edited["order"]["turns"][1]["parts"] == [{"input": 0, "signature": None}]
    (shown,) = edited["order"]["inputs"]
    assert (shown["width"], shown["height"]) == (1248, 832)
    assert books.wallet() == (8 * IMAGE, 0)


# ---- no picture, no exception ----------------------------------------------------------------


@pytest.mark.parametrize("task", ["generate", "stream"])
def test_what_is_blocked_is_told_and_free(caller: Caller, books: Books, task: str) -> None:
    blocked = caller(task, model=MODEL, prompt="test:block")
    assert (blocked["images"], blocked["blocked"]) == ([], "PROHIBITED_CONTENT")
    hidden = caller(task, model=MODEL, prompt="test:error=content_blocked")
    assert (hidden["images"], hidden["reasons"]) == ([], ["IMAGE_SAFETY"])
    words = caller(task, model=MODEL, prompt="test:text")
    assert (words["images"], words["reasons"]) == ([], ["STOP"])
    assert words["words"]
    assert books.wallet() == (10 * IMAGE, 0)


# ---- models and tokens -----------------------------------------------------------------------


def test_models_are_listed_page_by_page_and_read(caller: Caller) -> None:
    listed = caller("models", page_size=1)["models"]
    assert f"models/{MODEL}" in listed
    assert len(listed) == len(set(listed)) > 1
    assert caller("model", model=MODEL) == {
        "name": f"models/{MODEL}",
        "limit": 32_768,
        "actions": ["generateContent", "countTokens"],
    }


def test_tokens_are_counted_pictures_included(caller: Caller, books: Books) -> None:
    assert caller("count", model=MODEL, prompt="x" * 40, picture=png(8, 8))["tokens"] == 10 + 258
    assert books.generations() == []


# ---- errors ----------------------------------------------------------------------------------


def test_a_bad_value_names_its_field(caller: Caller, books: Books) -> None:
    error = caller.refused("generate", model=MODEL, prompt="A lamp", ratio="7:11")
    assert "imageConfig.aspectRatio" in says(error, "ClientError", 400, "INVALID_ARGUMENT")
    broken = caller.refused("generate", model=MODEL, prompt="Blue", picture=base64.b64encode(b"x").decode())
    assert "contents[0].parts[1].inlineData" in says(broken, "ClientError", 400, "INVALID_ARGUMENT")
    assert books.generations() == []


def test_a_wrong_key_is_refused(caller: Caller) -> None:
    wrong = Caller(caller.program, caller.url, "easel_live_wrong")
    says(wrong.refused("generate", model=MODEL, prompt="A lamp"), "ClientError", 400, "INVALID_ARGUMENT")


def test_no_credit_says_what_is_missing(caller: Caller, cast: Cast) -> None:
    poor = Caller(caller.program, caller.url, cast.strangers_key())
    for task in ("generate", "stream"):
        error = poor.refused(task, model=MODEL, prompt="A lamp")
        assert "$0.0387" in says(error, "ClientError", 402, "RESOURCE_EXHAUSTED")


def test_a_model_that_is_not_open_to_the_key_is_forbidden(caller: Caller, cast: Cast) -> None:
    kept = Caller(caller.program, caller.url, cast.key(models_allowed=("gemini-3-pro-image",)))
    says(kept.refused("generate", model=MODEL, prompt="A lamp"), "ClientError", 403, "PERMISSION_DENIED")
    assert f"models/{MODEL}" not in kept("models", page_size=50)["models"]


def test_an_unknown_model_is_not_found(caller: Caller) -> None:
    error = caller.refused("generate", model="gemini-1.0-pro", prompt="A lamp")
    assert says(error, "ClientError", 404, "NOT_FOUND").startswith("models/gemini-1.0-pro is not found")


def test_too_many_requests_are_told_to_wait(caller: Caller, cast: Cast) -> None:
    hasty = Caller(caller.program, caller.url, cast.key(requests_per_minute=1))
    hasty("count", model=MODEL, prompt="A lamp")
    error = hasty.refused("count", model=MODEL, prompt="A lamp")
    says(error, "ClientError", 429, "RESOURCE_EXHAUSTED")


def test_what_is_not_offered_names_what_is(caller: Caller) -> None:
    error = caller.refused("files")
    assert "generateContent" in says(error, "ServerError", 501, "UNIMPLEMENTED")


@pytest.mark.parametrize("task", ["generate", "stream"])
@pytest.mark.parametrize(
    ("prompt", "code", "status"),
    [("test:fail", 503, "UNAVAILABLE"), ("test:error=internal", 500, "INTERNAL")],
)
def test_a_failure_is_a_server_error_in_a_stream_too(
    caller: Caller, books: Books, task: str, prompt: str, code: int, status: str
) -> None:
    failed(caller, task, prompt, code, status)
    assert len(books.generations()) == 1, "the client did not send it again"
    assert books.wallet() == (10 * IMAGE, 0)


@pytest.mark.slow
def test_a_wait_that_ends_first_says_where_the_image_will_be(
    caller: Caller, impatient: str, books: Books
) -> None:
    slow = Caller(caller.program, impatient, caller.key)
    for task in ("generate", "stream"):
        message = failed(slow, task, "test:slow=4", 504, "DEADLINE_EXCEEDED")
        address = f"{impatient}/gemini/v1beta/generations/{books.generations()[-1]['id']}"
        assert not message or address in message
    assert [row["state"] for row in books.settled()] == ["succeeded"] * 2
    assert books.wallet() == (8 * IMAGE, 0)
