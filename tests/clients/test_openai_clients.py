"""OpenAI's own clients, unmodified and with their default retries: Python 3.x and 1.x, JavaScript."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image

from tests.cast import IMAGE, Cast
from tests.clients.talk import Caller, Program, sizes
from tests.flows.wire import EVOLINK, MODEL, TOKENS, Books, eventually

INVALID = "invalid_request_error"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("new", id="openai-3"),
        pytest.param("old", id="openai-1"),
        pytest.param("node", id="openai-js"),
    ],
)
def program(request: pytest.FixtureRequest, start: Callable[[str, str], Program]) -> Iterator[Program]:
    with start("images", request.param) as running:
        yield running


def png(colour: Any = "teal", size: tuple[int, int] = (96, 64), mode: str = "RGB") -> str:
    """A picture in base64."""
    Image.new(mode, size, colour).save(out := io.BytesIO(), "PNG")
    return base64.b64encode(out.getvalue()).decode()


def says(error: Any, kind: str, status: int, code: str | None, type_: str = INVALID) -> str:
    """The message of an error of this class, where the client puts the members of the envelope."""
    assert (error["class"], error["status"]) == (kind, status), error
    assert (error["code"], error["type"]) == (code, type_), error
    assert error["message"]
    return str(error["message"])


def posts(books: Books) -> list[dict[str, Any]]:
    """The submits that reached the door."""
    return [call for call in books.calls() if call["method"] == "POST"]


# ---- pictures --------------------------------------------------------------------------------


def test_two_images_in_one_call_are_charged_as_two(caller: Caller, books: Books) -> None:
    told = caller("generate", model=MODEL, prompt="Two lamps", n=2, size="1536x1024")
    assert sizes(told) == [(1248, 832)] * 2
    assert (told["tokens"], told["size"]) == (2 * TOKENS, "1248x832")
    assert books.wallet() == (8 * IMAGE, 0)


def test_a_file_is_edited(caller: Caller, books: Books) -> None:
    told = caller("edit", model=MODEL, prompt="In the snow", pictures=[png()])
    assert sizes(told) == [(1248, 832)], "it follows the picture"
    assert told["prompt_tokens"] == 3 + 258
    assert books.wallet() == (9 * IMAGE, 0)


def test_files_are_edited_within_a_mask(caller: Caller, books: Books) -> None:
    mask = png((0, 0, 0, 0), mode="RGBA")
    told = caller("edit", model=MODEL, prompt="In the snow", pictures=[png(), png("red")], mask=mask)
    assert len(sizes(told)) == 1
    assert [stored["role"] for stored in books.only()["order"]["inputs"]] == ["image", "image", "mask"]


def test_a_stream_has_previews_and_the_image(caller: Caller, books: Books) -> None:
    told = caller("stream", model=MODEL, prompt="A lamp", partial_images=2)
    partial = ["image_generation.partial_image"] * 2
    assert told["events"] == [*partial, "image_generation.completed"]
    assert len(sizes({"images": told["previews"]})) == 2
    assert (len(sizes(told)), told["tokens"]) == (1, TOKENS)
    assert books.wallet() == (9 * IMAGE, 0)


def test_an_edit_streams_too(caller: Caller) -> None:
    told = caller("stream_edit", model=MODEL, prompt="In the snow", pictures=[png()])
    assert told["events"] == ["image_edit.completed"]
    assert sizes(told) == [(1248, 832)]


def test_a_stream_waits_for_a_slow_image(caller: Caller) -> None:
    assert len(sizes(caller("stream", model=MODEL, prompt="test:slow=12"))) == 1


def test_blocked_content_is_an_answer_without_images_and_free(caller: Caller, books: Books) -> None:
    told = caller("generate", model=MODEL, prompt="test:block")
    assert (told["images"], told["tokens"]) == ([], 0)
    assert books.wallet() == (10 * IMAGE, 0)


def test_models_are_listed_and_read(caller: Caller) -> None:
    assert MODEL in caller("models")["models"]
    assert caller("model", model=MODEL) == {"model": MODEL}


# ---- errors ----------------------------------------------------------------------------------


def test_a_bad_value_is_a_bad_request_that_names_its_field(caller: Caller) -> None:
    error = caller.refused("generate", model=MODEL, prompt="A lamp", n=11)
    says(error, "BadRequestError", 400, None)
    assert error["param"] == "n"


def test_a_wrong_key_is_an_authentication_error(caller: Caller) -> None:
    wrong = Caller(caller.program, caller.url, "easel_live_wrong")
    error = wrong.refused("generate", model=MODEL, prompt="A lamp")
    says(error, "AuthenticationError", 401, "invalid_api_key")


def test_no_credit_is_an_error_that_says_what_is_missing(caller: Caller, cast: Cast) -> None:
    poor = Caller(caller.program, caller.url, cast.strangers_key())
    error = poor.refused("generate", model=MODEL, prompt="A lamp")
    kind = error["class"]
    assert kind in ("APIStatusError", "APIError"), "402 has no class of its own"
    assert "needs $0.0387" in says(error, kind, 402, "billing_error")


def test_a_model_that_is_not_open_to_the_key_is_permission_denied(caller: Caller, cast: Cast) -> None:
    kept = Caller(caller.program, caller.url, cast.key(models_allowed=("gemini-3-pro-image-preview",)))
    error = kept.refused("generate", model=MODEL, prompt="A lamp")
    says(error, "PermissionDeniedError", 403, "permission_denied")


def test_an_unknown_model_and_an_unknown_path_are_not_found(caller: Caller) -> None:
    unknown = caller.refused("generate", model="dall-e-2", prompt="A lamp")
    says(unknown, "NotFoundError", 404, "model_not_found")
    nowhere = caller.refused("variation", picture=png())
    assert f"{caller.url}/openai" in says(nowhere, "NotFoundError", 404, "not_found")


def test_a_key_at_its_concurrency_is_rate_limited(caller: Caller, cast: Cast, books: Books) -> None:
    busy = Caller(caller.program, caller.url, cast.key(concurrency=1))
    task = EVOLINK.post(busy.url, busy.key, EVOLINK.order("test:slow=60")).json()["id"]
    try:
        error = busy.refused("generate", model=MODEL, prompt="A lamp")
        says(error, "RateLimitError", 429, "rate_limit_exceeded", "rate_limit_error")
        assert len(books.generations()) == 1
    finally:
        EVOLINK.cancel(busy.url, busy.key, task)


@pytest.mark.parametrize(
    ("prompt", "status", "type_", "code"),
    [
        ("test:fail", 502, "upstream_error", "all_providers_failed"),
        ("test:text", 500, "api_error", None),
        ("test:error=misconfigured", 503, "api_error", None),
        ("test:error=upstream_timeout", 504, "timeout_error", "timeout"),
    ],
)
def test_a_failed_generation_is_an_internal_server_error_posted_once(
    caller: Caller, books: Books, prompt: str, status: int, type_: str, code: str | None
) -> None:
    error = caller.refused("generate", model=MODEL, prompt=prompt)
    says(error, "InternalServerError", status, code, type_)
    assert len(books.generations()) == 1
    assert books.wallet() == (10 * IMAGE, 0), "what failed is free, and nothing stays held"
    eventually(lambda: len(posts(books)) == 1)


def test_a_failure_in_a_stream_is_raised_while_it_is_read(caller: Caller, books: Books) -> None:
    error = caller.refused("stream", model=MODEL, prompt="test:fail")
    assert (error["class"], error["code"]) == ("APIError", "all_providers_failed")
    assert len(books.generations()) == 1


def test_a_call_slower_than_the_wait_is_posted_once(caller: Caller, impatient: str, books: Books) -> None:
    slow = Caller(caller.program, impatient, caller.key)
    error = slow.refused("generate", model=MODEL, prompt="test:slow=4")
    message = says(error, "InternalServerError", 504, "timeout", "timeout_error")
    assert str(books.only()["id"]) in message
    assert [row["state"] for row in books.settled()] == ["succeeded"]
    assert [call["status"] for call in posts(books)] == [504]
    assert books.wallet() == (9 * IMAGE, 0)
