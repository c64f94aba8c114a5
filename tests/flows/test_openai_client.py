"""OpenAI's own Python client, unmodified and with its default retries, against the openai door."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from PIL import Image

from accounts.actions import keys
from tests.cast import BY, IMAGE, Cast
from tests.flows.wire import EVOLINK, MODEL, OPENAI, TOKENS, Books, eventually
from tests.house import Program, Servers

INVALID = "invalid_request_error"


def client_of(url: str, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/openai/v1", api_key=key)


def pictures(answer: openai.types.ImagesResponse) -> list[Image.Image]:
    """The images of an answer, decoded."""
    made = [Image.open(io.BytesIO(base64.b64decode(item.b64_json or ""))) for item in answer.data or []]
    for picture in made:
        picture.load()
    return made


@pytest.fixture
def client(url: str, cast: Cast) -> openai.OpenAI:
    """A client with a live key and credit for ten images."""
    cast.credit(10)
    return client_of(url, cast.key())


def posts(books: Books) -> list[dict[str, Any]]:
    """The submits that reached the door."""
    return [call for call in books.calls() if call["method"] == "POST"]


def says(error: openai.APIStatusError, status: int, type_: str, code: str | None, param: str | None) -> None:
    """The four members of OpenAI's envelope, where its client puts them."""
    assert (error.status_code, error.type, error.code, error.param) == (status, type_, code, param)
    assert isinstance(error.body, dict)
    assert set(error.body) == {"message", "type", "param", "code"}
    assert error.request_id


def test_two_images_in_one_call_are_charged_as_two(client: openai.OpenAI, books: Books) -> None:
    answer = client.images.generate(model=MODEL, prompt="Two lamps", n=2, size="1792x1024")

    assert [picture.size for picture in pictures(answer)] == [(1344, 768)] * 2
    assert answer.size == "1344x768"
    assert answer.usage is not None
    assert answer.usage.output_tokens == 2 * TOKENS
    assert books.wallet() == (8 * IMAGE, 0)


def test_an_answer_names_its_generation_its_tokens_and_what_was_adjusted(
    client: openai.OpenAI, books: Books
) -> None:
    raw = client.images.with_raw_response.generate(
        model=MODEL, prompt="A lamp", size="1792x1024", quality="low"
    )

    assert raw.headers["x-easel-generation"] == str(books.only()["id"])
    assert raw.headers["x-easel-tokens"] == str(TOKENS)
    assert raw.headers["x-easel-cost-usd"] == "0.0387"
    assert "size 1792x1024 -> 1344x768" in raw.headers["x-easel-adjusted"]


def test_strict_refuses_what_would_be_adjusted(client: openai.OpenAI, books: Books) -> None:
    with pytest.raises(openai.BadRequestError, match="1344x768"):
        client.images.generate(
            model=MODEL, prompt="A lamp", size="1792x1024", extra_headers={"X-Easel-Strict": "true"}
        )
    assert books.generations() == []


def test_the_model_list_names_models_that_the_client_can_retrieve(client: openai.OpenAI) -> None:
    listed = {model.id for model in client.models.list()}
    assert MODEL in listed
    assert client.models.retrieve(MODEL).id == MODEL


# ---- one exception class per error -------------------------------------------------------------


def test_a_bad_value_is_a_bad_request_that_names_its_field(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="less than or equal to 10") as raised:
        client.images.generate(model=MODEL, prompt="A lamp", n=11)
    says(raised.value, 400, INVALID, None, "n")


def test_a_wrong_key_is_an_authentication_error(url: str) -> None:
    with pytest.raises(openai.AuthenticationError, match="Invalid token") as raised:
        client_of(url, "easel_live_wrong").images.generate(model=MODEL, prompt="A lamp")
    says(raised.value, 401, INVALID, "invalid_api_key", None)


def test_no_credit_is_a_402_with_balance_need_and_link(url: str, cast: Cast, books: Books) -> None:
    with pytest.raises(openai.APIStatusError, match="insufficient credits") as raised:
        client_of(url, cast.key()).images.generate(model=MODEL, prompt="A lamp")
    says(raised.value, 402, INVALID, "billing_error", None)
    assert "needs $0.0387, the balance is $0" in raised.value.message
    assert f"{url}/billing" in raised.value.message
    assert len(eventually(lambda: posts(books))) == 1
    assert books.generations() == []


def test_a_model_the_key_may_not_use_is_permission_denied(url: str, cast: Cast) -> None:
    key = cast.key(models_allowed=("gemini-3-pro-image-preview",))
    with pytest.raises(openai.PermissionDeniedError, match="not in the allowed models list") as raised:
        client_of(url, key).images.generate(model=MODEL, prompt="A lamp")
    says(raised.value, 403, INVALID, "permission_denied", "model")


def test_an_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="dall-e-2 not supported") as raised:
        client.images.generate(model="dall-e-2", prompt="A lamp")
    says(raised.value, 404, INVALID, "model_not_found", "model")


def test_an_unknown_path_is_not_found_and_names_the_base_url(client: openai.OpenAI, url: str) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        client.images.create_variation(image=b"no picture")
    says(raised.value, 404, INVALID, "not_found", None)
    assert f"{url}/openai" in raised.value.message


def test_another_order_with_the_same_idempotency_key_is_unprocessable(
    client: openai.OpenAI, books: Books
) -> None:
    headers = {"Idempotency-Key": "one"}
    client.images.generate(model=MODEL, prompt="A lamp", extra_headers=headers)
    with pytest.raises(openai.UnprocessableEntityError, match="used before for another order") as raised:
        client.images.generate(model=MODEL, prompt="A chair", extra_headers=headers)
    says(raised.value, 422, INVALID, "idempotency_conflict", None)
    assert len(books.generations()) == 1


def test_a_body_beyond_the_limit_is_too_large(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as raised:
        client.images.generate(model=MODEL, prompt="A lamp", extra_body={"padding": "x" * 65 * 2**20})
    says(raised.value, 413, INVALID, "request_too_large", None)


def test_another_content_type_is_an_unsupported_media_type(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as raised:
        client.images.generate(model=MODEL, prompt="A lamp", extra_headers={"Content-Type": "text/plain"})
    says(raised.value, 415, INVALID, "unsupported_media_type", None)


def test_a_key_at_its_concurrency_is_rate_limited_until_the_client_gives_up(
    url: str, cast: Cast, books: Books
) -> None:
    cast.credit(2)
    key = cast.key(concurrency=1)
    task = EVOLINK.post(url, key, EVOLINK.order("test:slow=60")).json()["id"]
    try:
        with pytest.raises(openai.RateLimitError, match="in flight") as raised:
            client_of(url, key).images.generate(model=MODEL, prompt="A lamp")
        says(raised.value, 429, "rate_limit_error", "rate_limit_exceeded", None)
        assert raised.value.response.headers["retry-after"] == "2"
        assert "x-should-retry" not in raised.value.response.headers, "nothing was held: it may ask again"
        assert len(books.generations()) == 1
    finally:
        EVOLINK.cancel(url, key, task)


@pytest.mark.parametrize(
    ("prompt", "status", "type_", "code"),
    [
        ("test:fail", 502, "upstream_error", "all_providers_failed"),
        ("test:text", 500, "api_error", None),
        ("test:error=internal", 500, "api_error", None),
        ("test:error=misconfigured", 503, "api_error", None),
        ("test:error=upstream_timeout", 504, "timeout_error", "timeout"),
        ("test:error=overloaded", 529, "overloaded", "overloaded"),
    ],
)
def test_a_failed_generation_is_an_internal_server_error_posted_once(
    client: openai.OpenAI, books: Books, prompt: str, status: int, type_: str, code: str | None
) -> None:
    with pytest.raises(openai.InternalServerError) as raised:
        client.images.generate(model=MODEL, prompt=prompt)

    says(raised.value, status, type_, code, None)
    assert raised.value.response.headers["x-should-retry"] == "false"
    assert raised.value.response.headers["x-easel-generation"] == str(books.only()["id"])
    assert raised.value.response.headers["x-easel-tokens"] == "0"
    assert books.wallet() == (10 * IMAGE, 0), "what failed is free, and nothing stays held"
    eventually(lambda: len(posts(books)) == 1)


def test_blocked_content_is_an_answer_without_images_and_free(client: openai.OpenAI, books: Books) -> None:
    answer = client.images.generate(model=MODEL, prompt="test:block")

    assert answer.data == []
    assert answer.usage is not None
    assert answer.usage.output_tokens == 0
    assert books.only()["kind"] == "content_blocked"
    assert books.wallet() == (10 * IMAGE, 0)


def test_fewer_images_than_asked_are_delivered_and_charged_as_they_are(
    client: openai.OpenAI, books: Books
) -> None:
    answer = client.images.generate(model=MODEL, prompt="test:partial=3/4", n=4)

    assert len(pictures(answer)) == 3
    assert answer.usage is not None
    assert answer.usage.output_tokens == 3 * TOKENS
    assert books.wallet() == (7 * IMAGE, 0)


# ---- slower than the wait ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def impatient(servers: Servers) -> Iterator[Program]:
    """A server that waits for two seconds only."""
    web = servers.web(EASEL_SYNC_WAIT_SECONDS="2")
    yield web
    web.stop()


def test_a_call_slower_than_the_wait_is_posted_once_and_readable_later_at_no_extra_charge(
    impatient: Program, cast: Cast, books: Books
) -> None:
    cast.credit(10)
    key = cast.key()
    with pytest.raises(openai.InternalServerError) as raised:
        client_of(impatient.url, key).images.generate(model=MODEL, prompt="test:slow=4")

    says(raised.value, 504, "timeout_error", "timeout", None)
    assert raised.value.response.headers["x-should-retry"] == "false"
    generation = str(books.only()["id"])
    assert raised.value.response.headers["x-easel-generation"] == generation
    assert f"{impatient.url}/openai/v1/generations/{generation}" in raised.value.message
    waiting = OPENAI.read(impatient.url, key, generation)
    assert (waiting.status_code, waiting.json()["status"]) == (202, "in_progress")
    assert waiting.headers["retry-after"]

    def answered() -> httpx2.Response | None:
        answer = OPENAI.read(impatient.url, key, generation)
        return answer if answer.status_code == 200 else None

    answer = eventually(answered).json()
    assert Image.open(io.BytesIO(base64.b64decode(answer["data"][0]["b64_json"]))).size == (1024, 1024)
    assert answer["usage"]["cost"] == 0.0387
    assert OPENAI.read(impatient.url, key, generation).json() == answer, (
        "reading it again is free and the same"
    )

    assert [call["status"] for call in posts(books)] == [504]
    assert [row["amount"] for row in books.entries("hold", "settle", "release")] == [IMAGE, IMAGE]
    assert books.wallet() == (9 * IMAGE, 0)


def test_the_same_idempotency_key_after_the_wait_joins_the_first_call(
    impatient: Program, cast: Cast, books: Books
) -> None:
    cast.credit(10)
    client = client_of(impatient.url, cast.key("test"))
    headers = {"Idempotency-Key": "again"}
    with pytest.raises(openai.InternalServerError):
        client.images.generate(model=MODEL, prompt="test:slow=3", extra_headers=headers)

    raw = client.images.with_raw_response.generate(model=MODEL, prompt="test:slow=3", extra_headers=headers)

    assert raw.headers["idempotency-replayed"] == "true"
    assert raw.headers["x-easel-generation"] == str(books.only()["id"])
    assert len(pictures(raw.parse())) == 1
    assert len(books.entries("settle")) == 1


def test_a_client_that_hangs_up_finds_its_image_later(url: str, cast: Cast, books: Books) -> None:
    cast.credit(1)
    key = cast.key()
    hasty = openai.OpenAI(base_url=f"{url}/openai/v1", api_key=key, timeout=1, max_retries=0)
    with pytest.raises(openai.APITimeoutError):
        hasty.images.generate(model=MODEL, prompt="test:slow=2")

    (generation,) = books.settled()
    assert generation["state"] == "succeeded"
    assert OPENAI.read(url, key, str(generation["id"])).status_code == 200
    assert books.wallet() == (0, 0)


def test_a_revoked_key_is_refused_on_the_next_call(client: openai.OpenAI, cast: Cast, books: Books) -> None:
    client.images.generate(model=MODEL, prompt="A lamp")
    from accounts.models import ApiKey
    from runtime.tenancy import tenant

    with tenant(cast.organization):
        (key,) = ApiKey.objects.of(cast.organization)
    keys.revoke(key=key, reason="test", by=BY)

    with pytest.raises(openai.AuthenticationError, match="revoked") as raised:
        client.images.generate(model=MODEL, prompt="A lamp")
    says(raised.value, 401, INVALID, "invalid_api_key", None)
    assert len(books.generations()) == 1
