"""Google's own Python client, unmodified, against the gemini door."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from PIL import Image

from tests.cast import IMAGE, Cast
from tests.flows.wire import CLIENT, MODEL, TOKENS, Books, eventually
from tests.house import Program, Servers

SLOW_WAIT_SECONDS = "2"


def client_of(url: str, key: str, **options: Any) -> genai.Client:
    """A client, to be kept: one that nobody holds closes itself."""
    http = types.HttpOptions(**{"base_url": f"{url}/gemini", **options})
    return genai.Client(api_key=key, vertexai=False, http_options=http)


def pictures(answer: types.GenerateContentResponse) -> list[Image.Image]:
    """The images of all candidates, decoded."""
    parts = [part for c in answer.candidates or [] if c.content for part in c.content.parts or []]
    files = [part.inline_data.data or b"" for part in parts if part.inline_data]
    made: list[Image.Image] = [Image.open(io.BytesIO(file)) for file in files]
    for picture in made:
        picture.load()
    return made


def shaped(ratio: str, **more: Any) -> types.GenerateContentConfig:
    return types.GenerateContentConfig(
        response_modalities=["IMAGE"], image_config=types.ImageConfig(aspect_ratio=ratio), **more
    )


@pytest.fixture
def key(cast: Cast) -> str:
    """A live key with credit for ten images."""
    cast.credit(10)
    return cast.key()


@pytest.fixture
def client(url: str, key: str) -> genai.Client:
    return client_of(url, key)


def says(error: errors.APIError, status: int, word: str) -> str:
    """The message of an error that has this status and Google's word for it."""
    assert (error.code, error.status) == (status, word), error
    assert error.message
    return error.message


# ---- pictures --------------------------------------------------------------------------------


def test_an_image_is_drawn_stored_and_charged(client: genai.Client, books: Books) -> None:
    said: list[Any] = ["A lamp", "on a table"]
    answer = client.models.generate_content(
        model=MODEL,
        contents=said,
        config=shaped(
            "16:9",
            system_instruction="Draw in ink.",
            temperature=0.5,
            top_k=5,
            seed=7,
            safety_settings=[
                types.SafetySetting(
                    category=types.HarmCategory.HARM_CATEGORY_HARASSMENT,
                    threshold=types.HarmBlockThreshold.BLOCK_NONE,
                )
            ],
        ),
    )

    assert [picture.size for picture in pictures(answer)] == [(1344, 768)]
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason is types.FinishReason.STOP
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.candidates_token_count == TOKENS
    assert answer.model_version == MODEL
    assert books.wallet() == (9 * IMAGE, 0)
    order = books.only()["order"]
    assert (order["system"], order["sampling"]["seed"]) == ("Draw in ink.", 7)


@pytest.mark.parametrize("version", ["v1beta", "v1", "v1alpha"])
def test_every_version_of_the_client_is_served(url: str, key: str, version: str) -> None:
    client = client_of(url, key, api_version=version)
    assert len(pictures(client.models.generate_content(model=MODEL, contents="A lamp"))) == 1


@pytest.mark.parametrize("base", ["/tokaify", "/gemini/v1beta", "/gemini/"])
def test_the_base_url_may_be_the_alias_or_hold_a_version(url: str, key: str, base: str) -> None:
    client = client_of(url, key, base_url=url + base)
    assert len(pictures(client.models.generate_content(model=f"models/{MODEL}", contents="A lamp"))) == 1


def test_the_newer_form_of_the_shape_means_the_same(url: str, key: str) -> None:
    image = {"aspectRatio": "ASPECT_RATIO_SIXTEEN_BY_NINE", "mimeType": "image/jpeg"}
    client = client_of(url, key, extra_body={"generationConfig": {"responseFormat": {"image": image}}})
    (picture,) = pictures(client.models.generate_content(model=MODEL, contents="A lamp"))
    assert (picture.size, picture.format) == ((1344, 768), "JPEG")


def test_three_candidates_are_three_images_and_three_charges(client: genai.Client, books: Books) -> None:
    answer = client.models.generate_content(
        model=MODEL, contents="A lamp", config=types.GenerateContentConfig(candidate_count=3)
    )

    assert len(pictures(answer)) == 3
    assert [candidate.index for candidate in answer.candidates or []] == [0, 1, 2]
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.candidates_token_count == 3 * TOKENS
    assert books.wallet() == (7 * IMAGE, 0)


def test_a_stream_ends_with_the_picture_and_its_reason(client: genai.Client, books: Books) -> None:
    chunks = list(client.models.generate_content_stream(model=MODEL, contents="A lamp"))

    last = chunks[-1]
    assert len(pictures(last)) == 1
    assert last.candidates is not None
    assert last.candidates[0].finish_reason is types.FinishReason.STOP
    assert last.usage_metadata is not None
    assert last.usage_metadata.candidates_token_count == TOKENS
    assert books.wallet() == (9 * IMAGE, 0)


def test_the_client_works_in_an_event_loop_too(url: str, key: str) -> None:
    async def draw() -> list[Image.Image]:
        client = client_of(url, key)
        answer = await client.aio.models.generate_content(model=MODEL, contents="A lamp")
        made = pictures(answer)
        async for chunk in await client.aio.models.generate_content_stream(model=MODEL, contents="A chair"):
            made += pictures(chunk)
        await client.aio.aclose()
        return made

    assert len(asyncio.run(draw())) == 2


def test_a_stream_without_events_is_one_array(url: str, key: str) -> None:
    answer = CLIENT.post(
        f"{url}/gemini/v1beta/models/{MODEL}:streamGenerateContent",
        json={"contents": [{"parts": [{"text": "A lamp"}]}]},
        headers={"x-goog-api-key": key},
    )
    assert answer.headers["content-type"] == "application/json"
    last = answer.json()[-1]
    assert last["candidates"][0]["finishReason"] == "STOP"
    assert last["usageMetadata"]["candidatesTokenCount"] == TOKENS


def test_a_chat_keeps_what_was_said(client: genai.Client, books: Books) -> None:
    chat = client.chats.create(model=MODEL)
    first = chat.send_message("test:text What shall I draw?")
    second = chat.send_message("A lamp, then")

    assert first.text
    assert first.candidates is not None
    assert first.candidates[0].finish_reason is types.FinishReason.STOP
    assert len(pictures(second)) == 1
    told, drawn = books.generations()
    assert (told["kind"], drawn["state"]) == ("no_image", "succeeded")
    assert [turn["role"] for turn in drawn["order"]["turns"]] == ["user", "model", "user"]
    assert drawn["order"]["turns"][1]["parts"][0]["text"] == first.text
    assert books.wallet() == (9 * IMAGE, 0), "words alone are free"


# ---- no picture, no exception ----------------------------------------------------------------


def test_a_blocked_prompt_is_an_answer_with_its_reason(client: genai.Client, books: Books) -> None:
    answer = client.models.generate_content(model=MODEL, contents="test:block")

    assert answer.candidates is None
    assert answer.parts is None
    assert answer.prompt_feedback is not None
    assert answer.prompt_feedback.block_reason is types.BlockedReason.PROHIBITED_CONTENT
    assert books.wallet() == (10 * IMAGE, 0)


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ("test:error=content_blocked", types.FinishReason.IMAGE_SAFETY),
        ("test:error=no_image", types.FinishReason.NO_IMAGE),
    ],
)
def test_a_picture_that_is_not_shown_is_a_candidate_without_content(
    client: genai.Client, books: Books, prompt: str, reason: types.FinishReason
) -> None:
    answer = client.models.generate_content(model=MODEL, contents=prompt)

    assert answer.candidates is not None
    assert (answer.candidates[0].content, answer.candidates[0].finish_reason) == (None, reason)
    assert books.wallet() == (10 * IMAGE, 0)


# ---- models and tokens -----------------------------------------------------------------------


def test_models_are_listed_page_by_page_and_retrieved(client: genai.Client) -> None:
    listed = [model.name for model in client.models.list(config={"page_size": 1})]
    assert f"models/{MODEL}" in listed
    assert len(listed) == len(set(listed)) > 1
    model = client.models.get(model=MODEL)
    assert (model.name, model.input_token_limit) == (f"models/{MODEL}", 32_768)
    assert model.supported_actions == ["generateContent", "countTokens"]


def test_tokens_are_counted_pictures_included(client: genai.Client, books: Books) -> None:
    contents: list[Any] = ["x" * 40, types.Part.from_bytes(data=b"\xfb\xff" * 9, mime_type="image/png")]
    assert client.models.count_tokens(model=MODEL, contents=contents).total_tokens == 10 + 258
    assert books.generations() == []


# ---- errors ----------------------------------------------------------------------------------


def test_a_bad_value_is_a_client_error_that_names_its_field(client: genai.Client, books: Books) -> None:
    with pytest.raises(errors.ClientError) as raised:
        client.models.generate_content(model=MODEL, contents="A lamp", config=shaped("7:11"))
    assert "generationConfig.imageConfig.aspectRatio" in says(raised.value, 400, "INVALID_ARGUMENT")
    assert books.generations() == []


def test_a_wrong_key_is_googles_400(url: str) -> None:
    client = client_of(url, "easel_live_wrong")
    with pytest.raises(errors.ClientError) as raised:
        client.models.generate_content(model=MODEL, contents="A lamp")
    says(raised.value, 400, "INVALID_ARGUMENT")
    assert raised.value.details["error"]["details"][0]["reason"] == "API_KEY_INVALID"


def test_a_wrong_bearer_token_is_a_401_unless_the_other_key_is_right(url: str, key: str) -> None:
    wrong = {"Authorization": "Bearer easel_live_wrong"}
    client = client_of(url, "easel_live_wrong", headers=wrong)
    with pytest.raises(errors.ClientError) as raised:
        client.models.generate_content(model=MODEL, contents="A lamp")
    says(raised.value, 401, "UNAUTHENTICATED")
    client = client_of(url, key, headers=wrong)
    assert len(pictures(client.models.generate_content(model=MODEL, contents="A lamp"))) == 1


def test_a_bearer_token_beside_another_key_is_enough(url: str, key: str) -> None:
    client = client_of(url, "not-a-key", headers={"Authorization": f"Bearer {key}"})
    assert len(pictures(client.models.generate_content(model=MODEL, contents="A lamp"))) == 1


def test_a_key_in_the_query_is_taken_and_kept_nowhere(url: str, key: str, books: Books) -> None:
    path = f"{url}/gemini/v1beta/models/{MODEL}"
    body = {"contents": [{"parts": [{"text": "A lamp"}]}]}
    assert CLIENT.post(f"{path}:generateContent?key={key}", json=body).status_code == 200
    refused = CLIENT.post(f"{path}:generateContent?key={key}x", json=body)
    assert (refused.status_code, key in refused.text) == (400, False)
    assert CLIENT.post(f"{path}:generateContent", json=body).status_code == 403
    calls = eventually(books.calls)
    assert key not in str(calls)


def test_no_credit_is_a_402_that_says_what_is_missing(url: str, cast: Cast, books: Books) -> None:
    client = client_of(url, cast.key())
    with pytest.raises(errors.ClientError) as raised:
        client.models.generate_content(model=MODEL, contents="A lamp")
    message = says(raised.value, 402, "RESOURCE_EXHAUSTED")
    assert message.startswith("Insufficient balance")
    assert f"{url}/billing" in message
    assert books.generations() == []


def test_a_model_the_key_may_not_use_is_permission_denied(url: str, cast: Cast) -> None:
    client = client_of(url, cast.key(models_allowed=("gemini-3-pro-image",)))
    with pytest.raises(errors.ClientError) as raised:
        client.models.generate_content(model=MODEL, contents="A lamp")
    says(raised.value, 403, "PERMISSION_DENIED")


def test_an_unknown_model_is_not_found(client: genai.Client) -> None:
    with pytest.raises(errors.ClientError) as raised:
        client.models.generate_content(model="gemini-1.0-pro", contents="A lamp")
    assert says(raised.value, 404, "NOT_FOUND").startswith("models/gemini-1.0-pro is not found")


def test_what_is_not_offered_is_unimplemented(client: genai.Client) -> None:
    with pytest.raises(errors.ServerError) as raised:
        client.files.list()
    assert "generateContent" in says(raised.value, 501, "UNIMPLEMENTED")
    with pytest.raises(errors.ServerError) as raised:
        client.batches.list()
    says(raised.value, 501, "UNIMPLEMENTED")


def test_a_rate_limit_says_when_to_come_back(url: str, cast: Cast) -> None:
    cast.credit(2)
    client = client_of(url, cast.key(requests_per_minute=1))
    client.models.count_tokens(model=MODEL, contents="A lamp")
    with pytest.raises(errors.ClientError) as raised:
        client.models.count_tokens(model=MODEL, contents="A lamp")
    says(raised.value, 429, "RESOURCE_EXHAUSTED")
    (info,) = raised.value.details["error"]["details"]
    assert (info["@type"], info["retryDelay"][-1]) == ("type.googleapis.com/google.rpc.RetryInfo", "s")


@pytest.mark.parametrize(
    ("prompt", "status", "word"),
    [
        ("test:fail", 503, "UNAVAILABLE"),
        ("test:error=internal", 500, "INTERNAL"),
        ("test:error=misconfigured", 503, "UNAVAILABLE"),
        pytest.param("test:error=upstream_timeout", 504, "DEADLINE_EXCEEDED", marks=pytest.mark.slow),
    ],
)
def test_a_failed_generation_is_a_server_error_in_a_stream_too(
    client: genai.Client, books: Books, prompt: str, status: int, word: str
) -> None:
    with pytest.raises(errors.ServerError) as raised:
        client.models.generate_content(model=MODEL, contents=prompt)
    says(raised.value, status, word)
    with pytest.raises(errors.ServerError) as raised:
        list(client.models.generate_content_stream(model=MODEL, contents=prompt))
    says(raised.value, status, word)
    assert books.wallet() == (10 * IMAGE, 0), "what failed is free, and nothing stays held"


# ---- slower than the wait --------------------------------------------------------------------


@pytest.fixture(scope="module")
def impatient(servers: Servers) -> Iterator[Program]:
    """A server that waits for two seconds only."""
    web = servers.web(EASEL_SYNC_WAIT_SECONDS=SLOW_WAIT_SECONDS)
    yield web
    web.stop()


def test_a_call_slower_than_the_wait_is_readable_later_at_no_extra_charge(
    impatient: Program, key: str, books: Books
) -> None:
    client = client_of(impatient.url, key)
    with pytest.raises(errors.ServerError) as raised:
        client.models.generate_content(model=MODEL, contents="test:slow=4")

    message = says(raised.value, 504, "DEADLINE_EXCEEDED")
    address = f"{impatient.url}/gemini/v1beta/generations/{books.only()['id']}"
    assert address in message
    waiting = CLIENT.get(address, headers={"x-goog-api-key": key})
    assert (waiting.status_code, waiting.json()["done"]) == (202, False)

    def answered() -> Any:
        answer = CLIENT.get(address, headers={"x-goog-api-key": key})
        return answer.json() if answer.status_code == 200 else None

    read = types.GenerateContentResponse.model_validate(eventually(answered))
    assert len(pictures(read)) == 1
    assert books.wallet() == (9 * IMAGE, 0)
