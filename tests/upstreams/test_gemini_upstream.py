"""The loopback Google speaks Google's contract: the official client drives it, unmodified."""

from __future__ import annotations

import io
import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from PIL import Image

from tests.upstreams.gemini import KEY, Upstream, contract, pictures

FLASH = "gemini-2.5-flash-image"


@pytest.fixture(scope="module")
def google() -> Iterator[Upstream]:
    with Upstream.in_thread() as upstream:
        yield upstream


@pytest.fixture
def client(google: Upstream) -> Iterator[genai.Client]:
    with client_of(google, KEY) as made:
        yield made


def client_of(google: Upstream, key: str) -> genai.Client:
    return genai.Client(api_key=key, vertexai=False, http_options=types.HttpOptions(base_url=google.url))


def test_the_official_client_gets_a_picture_of_the_ratio_it_asks(client: genai.Client) -> None:
    reference = types.Blob(data=pictures.png(32, 32, 1), mime_type="image/png")
    parts = [types.Part(text="Paint this cat"), types.Part(inline_data=reference)]
    answer = client.models.generate_content(
        model=FLASH,
        contents=types.Content(role="user", parts=parts),
        config=types.GenerateContentConfig(
            response_modalities=["Text", "Image"],
            image_config=types.ImageConfig(aspect_ratio="21:9"),
            system_instruction="Be brief.",
        ),
    )
    words, drawn = answer.parts or []
    assert words.text == "Here is the picture."
    assert drawn.inline_data
    with Image.open(io.BytesIO(drawn.inline_data.data or b"")) as picture:
        assert picture.size == (1536, 672)
    usage = answer.usage_metadata
    assert usage
    assert (usage.prompt_token_count, usage.candidates_token_count) == (4 + 258, 1290)


def test_the_official_client_sees_blocks_without_an_exception(client: genai.Client) -> None:
    prompt = client.models.generate_content(model=FLASH, contents="stub:block=SAFETY")
    output = client.models.generate_content(model=FLASH, contents="stub:image_safety")
    assert prompt.prompt_feedback
    assert prompt.prompt_feedback.block_reason == types.BlockedReason.SAFETY
    assert prompt.candidates is None
    assert output.candidates
    assert output.candidates[0].finish_reason == types.FinishReason.IMAGE_SAFETY


@pytest.mark.parametrize(
    ("marker", "kind", "status"),
    [
        ("400", errors.ClientError, "INVALID_ARGUMENT"),
        ("401", errors.ClientError, "UNAUTHENTICATED"),
        ("403", errors.ClientError, "PERMISSION_DENIED"),
        ("404", errors.ClientError, "NOT_FOUND"),
        ("429=3", errors.ClientError, "RESOURCE_EXHAUSTED"),
        ("500", errors.ServerError, "INTERNAL"),
        ("503", errors.ServerError, "UNAVAILABLE"),
        ("504", errors.ServerError, "DEADLINE_EXCEEDED"),
    ],
)
def test_the_official_client_raises_its_own_error_classes(
    client: genai.Client, marker: str, kind: type[errors.APIError], status: str
) -> None:
    with pytest.raises(kind) as caught:
        client.models.generate_content(model=FLASH, contents=f"stub:{marker}")
    assert (caught.value.code, caught.value.status) == (int(marker[:3]), status)


def test_a_wrong_key_is_400_with_its_reason(google: Upstream) -> None:
    with client_of(google, "AIza-wrong") as stranger, pytest.raises(errors.ClientError) as caught:
        stranger.models.generate_content(model=FLASH, contents="A cat")
    assert caught.value.code == 400
    assert caught.value.details["error"]["details"][0]["reason"] == "API_KEY_INVALID"


def test_an_unknown_model_is_404(client: genai.Client) -> None:
    with pytest.raises(errors.ClientError, match=r"models/nano is not found for API version v1,"):
        client.models.generate_content(model="nano", contents="A cat")


def test_the_models_are_listed_and_shown(client: genai.Client) -> None:
    assert f"models/{FLASH}" in [model.name for model in client.models.list()]
    assert client.models.get(model=FLASH).display_name == "Nano Banana"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"candidate_count": 2}, "Multiple candidates is not enabled for this model"),
        ({"image_config": types.ImageConfig(image_size="1k")}, "Image size is not supported"),
        ({"image_config": types.ImageConfig(aspect_ratio="7:4")}, "Invalid aspect_ratio: 7:4"),
    ],
)
def test_settings_that_google_refuses_are_refused(
    client: genai.Client, settings: dict[str, Any], sentence: str
) -> None:
    config = types.GenerateContentConfig(**settings)
    with pytest.raises(errors.ClientError, match=sentence) as caught:
        client.models.generate_content(model=FLASH, contents="A cat", config=config)
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")


def test_a_size_in_lower_case_is_refused_where_sizes_are_known(client: genai.Client) -> None:
    config = types.GenerateContentConfig(image_config=types.ImageConfig(image_size="1k"))
    with pytest.raises(errors.ClientError, match="Invalid image_size: 1k"):
        client.models.generate_content(model="gemini-3-pro-image", contents="A cat", config=config)


CAT = {"contents": [{"parts": [{"text": "A cat"}]}]}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (CAT | {"n": 2}, 'Invalid JSON payload received. Unknown name "n": Cannot find field.'),
        (
            CAT | {"generationConfig": {"imageConfig": {"ratio": "1:1"}}},
            "Unknown name \"ratio\" at 'generation_config.image_config': Cannot find field.",
        ),
        (
            CAT | {"generationConfig": {"responseModalities": ["VIDEO"]}},
            'GenerationConfig.Modality), "VIDEO"',
        ),
        (CAT | {"safetySettings": [{"category": "RUDENESS"}]}, 'HarmCategory), "RUDENESS"'),
        (
            CAT | {"generationConfig": {"topK": 1.5}},
            "Invalid value at 'generation_config.top_k' (TYPE_INT32), 1.5",
        ),
        (CAT | {"generationConfig": {"temperature": "hot"}}, '(TYPE_FLOAT), "hot"'),
        ({"contents": []}, "contents is not specified"),
        (
            {"contents": [{"role": "robot", "parts": [{"text": "A"}]}]},
            "Please use a valid role: user, model.",
        ),
        ({"contents": [{"parts": [{}]}]}, "required oneof field 'data' must have one initialized field"),
        (
            {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "%"}}]}]},
            "Base64 decoding",
        ),
        ([], "Expected an object"),
    ],
)
def test_a_request_that_google_would_not_read_is_refused_in_its_words(body: Any, sentence: str) -> None:
    with pytest.raises(contract.Invalid) as caught:
        contract.check(body)
    assert sentence in caught.value.message


def test_camel_case_and_snake_case_are_read_even_in_one_object() -> None:
    blob = {"mime_type": "image/png", "data": "-_-_"}
    body = {"contents": [{"parts": [{"inlineData": blob}]}], "generation_config": {"topK": 5.0, "top_p": 1}}
    read = contract.check(body)
    assert read["contents"][0]["parts"][0]["inline_data"]["data"] == b"\xfb\xff\xbf"
    assert read["generation_config"] == {"top_k": 5, "top_p": 1.0}


def test_answers_are_programmed_and_calls_are_counted_over_http(
    google: Upstream, client: genai.Client
) -> None:
    _control(google, "DELETE", "/_calls")
    _control(google, "POST", "/_program", {"markers": "stub:503", "prompt": "two", "times": 1})
    client.models.generate_content(model=FLASH, contents="one")
    with pytest.raises(errors.ServerError):
        client.models.generate_content(model=FLASH, contents="two")
    client.models.generate_content(model=FLASH, contents="two")
    told = _control(google, "GET", "/_calls")
    assert (told["total"], told["in_flight"]) == (3, 0)
    assert (told["models"], told["prompts"]) == ({FLASH: 3}, {"one": 1, "two": 2})


def _control(google: Upstream, method: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{google.url}{path}", data, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)
