"""ToAPIs' door: what is asked, and what it refuses."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generations.dialect import Answer, Incoming
from generations.dialects.toapis import ToApis, models
from generations.errors import Problem
from generations.spec import Kind, Order, Sampling
from tests.dialects.desk import FLASH, PRO, SMALL, Caller, MemoryDesk, parsed

SUBMIT = "/v1/images/generations"
OFFERS = tuple(
    replace(offer, names=names, max_references=3, credits_per_dollar=200)
    for offer, names in (
        (FLASH, ("gemini-2.5-flash-image-official", "gemini-2.5-flash-image-preview")),
        (PRO, ("gemini-3-pro-image-preview",)),
        (SMALL, ("gemini-3.1-flash-image-preview",)),
    )
)
SEED = {"model": "gemini-2.5-flash-image-official", "prompt": "A cute panda eating bamboo"}
SUBMIT_REQUEST = Incoming("POST", SUBMIT, "https://easel.example/door", {}, {}, b"")


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk("toapis", models=OFFERS)


@pytest.fixture
def door(desk: MemoryDesk) -> Caller:
    return Caller(ToApis(), desk)


def refusal(answer: Answer) -> str:
    """The sentence of a 400, nothing else."""
    error = parsed(answer)["error"]
    assert (answer.status, error["code"], error["type"]) == (400, "invalid_request", "invalid_request_error")
    return str(error["message"])


# ---- submit ----------------------------------------------------------------------------------


def test_the_documented_request_answers_a_queued_task_in_the_documented_order(door: Caller) -> None:
    answer = door.ask("POST", SUBMIT, SEED | {"size": "16:9", "n": 1, "metadata": {}})
    body = parsed(answer)
    assert answer.status == 200
    assert list(body.items()) == [
        ("id", body["id"]),
        ("object", "generation.task"),
        ("model", "gemini-2.5-flash-image-official"),
        ("status", "queued"),
        ("progress", 0),
        ("created_at", 1795176000),
        ("metadata", {}),
    ]
    assert body["id"].startswith("task_img_")
    assert answer.report is not None


def test_the_default_model_draws_without_a_ratio(door: Caller, desk: MemoryDesk) -> None:
    door.ask("POST", SUBMIT, {"prompt": "x"})
    assert desk.orders == [Order(model=FLASH.model, asked="gemini-2.5-flash-image-official", prompt="x")]


def test_every_field_reaches_the_order(door: Caller, desk: MemoryDesk) -> None:
    metadata = {
        "temperature": 1,
        "topP": 0.5,
        "maxOutputTokens": 8192,
        "personGeneration": "ALLOW_ALL",
        "imageOutputOptions": {"mimeType": "image/jpeg", "compressionQuality": 80},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        "resolution": "4K",
        "something_else": 1,
    }
    body = SEED | {
        "model": "gemini-3-pro-image-preview",
        "size": "16:9",
        "response_format": "url",
        "image_urls": [],
        "client_business_id": "order-7",
        "metadata": metadata,
    }
    assert door.ask("POST", SUBMIT, body).status == 200
    assert desk.orders == [
        Order(
            model=PRO.model,
            asked="gemini-3-pro-image-preview",
            prompt="A cute panda eating bamboo",
            ratio="16:9",
            resolution="4K",
            format="jpeg",
            compression=80,
            sampling=Sampling(
                temperature=1.0,
                top_p=0.5,
                max_output_tokens=8192,
                safety=(("HARM_CATEGORY_HARASSMENT", "BLOCK_NONE"),),
            ),
            echo={"client_business_id": "order-7"},
        )
    ]
    assert Order.from_json(desk.orders[0].to_json()) == desk.orders[0]


@pytest.mark.parametrize(
    "metadata, said",
    [
        ({"maxOutputTokens": 32768}, []),
        ({"maxOutputTokens": 100_000}, ["maxOutputTokens 100000 -> 32768"]),
        ({"resolution": "2K"}, ["resolution 2K -> 1K"]),
        (
            {"personGeneration": "ALLOW_NONE"},
            ["personGeneration ALLOW_NONE -> as words in the system instruction"],
        ),
        ({"imageOutputOptions": {"compressionQuality": 80}}, ["compressionQuality 80 -> none for image/png"]),
        (
            {"safetySettings": [{"category": "HARM_CATEGORY_IMAGE_HATE", "threshold": "OFF"}]},
            ["safetySettings HARM_CATEGORY_IMAGE_HATE -> none"],
        ),
        ({"google_search": True}, ["google_search -> not used by this model"]),
    ],
    ids=str,
)
def test_what_cannot_be_done_exactly_is_said(
    door: Caller, desk: MemoryDesk, metadata: dict[str, Any], said: list[str]
) -> None:
    assert door.ask("POST", SUBMIT, SEED | {"metadata": metadata}).status == 200
    assert list(desk.orders[0].adjusted) == said


def test_what_is_said_is_also_done(door: Caller, desk: MemoryDesk) -> None:
    metadata = {"maxOutputTokens": 10**30, "personGeneration": "ALLOW_NONE"}
    door.ask("POST", SUBMIT, SEED | {"metadata": metadata})
    assert desk.orders[0].sampling.max_output_tokens == 32768
    assert desk.orders[0].system == "Show no people in the image."


def test_the_resolution_may_stand_at_the_top_too(door: Caller, desk: MemoryDesk) -> None:
    body = {"model": "gemini-3.1-flash-image-preview", "prompt": "x", "resolution": "0.5K"}
    assert door.ask("POST", SUBMIT, body).status == 200
    assert (desk.orders[0].resolution, desk.orders[0].adjusted) == ("512", ())
    differ = body | {"metadata": {"resolution": "1K"}}
    assert "must not differ" in refusal(door.ask("POST", SUBMIT, differ))


BAD_FIELDS = [
    ("prompt", None),
    ("prompt", " \n"),
    ("prompt", "x" * 1001),
    ("prompt", 7),
    ("model", 7),
    ("model", "dall-e-2"),
    ("size", "auto"),
    ("size", "7:4"),
    ("size", 1),
    ("n", 0),
    ("n", 2),
    ("n", 1.0),
    ("n", "1"),
    ("n", True),
    ("response_format", "b64_json"),
    ("resolution", "8K"),
    ("resolution", 2),
    ("client_business_id", 7),
    ("metadata", "x"),
    ("metadata.temperature", 2.1),
    ("metadata.temperature", "1"),
    ("metadata.temperature", True),
    ("metadata.topP", -0.1),
    ("metadata.maxOutputTokens", 0),
    ("metadata.maxOutputTokens", 1.5),
    ("metadata.personGeneration", "allow_all"),
    ("metadata.imageOutputOptions", "image/png"),
    ("metadata.imageOutputOptions.mimeType", "image/webp"),
    ("metadata.imageOutputOptions.compressionQuality", 101),
    ("metadata.safetySettings", {}),
    ("metadata.safetySettings", [{}]),
    ("metadata.safetySettings", [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}] * 2),
    ("metadata.safetySettings", [{"category": "HARM_CATEGORY_NOISE", "threshold": "OFF"}]),
    ("metadata.safetySettings", [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "LOUD"}]),
]


@pytest.mark.parametrize("path, value", BAD_FIELDS, ids=lambda value: repr(value)[:40])
def test_a_bad_field_is_a_400_that_names_it_and_orders_nothing(
    door: Caller, desk: MemoryDesk, path: str, value: Any
) -> None:
    name, *inner = path.split(".")
    for key in reversed(inner):
        value = {key: value}
    assert path in refusal(door.ask("POST", SUBMIT, SEED | {name: value}))
    assert not desk.orders


AT_THE_BOUND = [
    ("prompt", "x" * 1000),
    ("n", 1),
    ("metadata", {"temperature": 0, "topP": 0}),
    ("metadata", {"temperature": 2.0, "topP": 1}),
    ("metadata", {"maxOutputTokens": 1}),
    ("metadata", {"imageOutputOptions": {"mimeType": "image/jpeg", "compressionQuality": 0}}),
    ("metadata", {"imageOutputOptions": {"mimeType": "image/jpeg", "compressionQuality": 100}}),
    *(("size", ratio) for ratio in FLASH.ratios),
]


@pytest.mark.parametrize("name, value", AT_THE_BOUND, ids=lambda value: repr(value)[:40])
def test_what_is_just_within_the_bounds_is_taken(
    door: Caller, desk: MemoryDesk, name: str, value: Any
) -> None:
    assert door.ask("POST", SUBMIT, SEED | {name: value}).status == 200
    assert not desk.orders[0].adjusted


def test_two_images_are_refused_with_the_rule(door: Caller) -> None:
    assert refusal(door.ask("POST", SUBMIT, SEED | {"n": 2})) == "n must be 1: one request makes one image"


@pytest.mark.parametrize("body", [b"", b"[", b"nonsense", b'{"n": NaN}', b"[]", b"7"], ids=repr)
def test_a_body_that_is_no_json_object_is_a_400(door: Caller, body: bytes) -> None:
    assert refusal(door.ask("POST", SUBMIT, body))


def test_anything_but_json_is_a_415(door: Caller) -> None:
    assert door.ask("POST", SUBMIT, SEED, headers={"content-type": "text/plain"}).status == 415


def test_a_model_the_key_may_not_use_is_a_403_and_is_not_listed(desk: MemoryDesk) -> None:
    desk.models = (OFFERS[0], replace(OFFERS[1], allowed=False))
    door = Caller(ToApis(), desk)
    answer = door.ask("POST", SUBMIT, SEED | {"model": "gemini-3-pro-image-preview"})
    assert (answer.status, parsed(answer)["error"]["type"]) == (403, "permission_error")
    assert [m["id"] for m in parsed(door.ask("GET", "/v1/models"))["data"]] == [OFFERS[0].names[0]]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ["prompt", "n", "size", "resolution", "image_urls", "response_format", "metadata"]
KEYS = ["temperature", "topP", "maxOutputTokens", "imageOutputOptions", "safetySettings", "resolution"]


@given(
    st.dictionaries(st.sampled_from(FIELDS), json_values),
    st.none() | st.dictionaries(st.sampled_from(KEYS), json_values),
)
@settings(max_examples=150, deadline=None)
def test_any_json_object_is_either_an_order_or_a_400(
    body: dict[str, Any], metadata: dict[str, Any] | None
) -> None:
    desk = MemoryDesk("toapis", models=OFFERS)
    sent = {"prompt": "x"} | body | ({} if metadata is None else {"metadata": metadata})
    answer = Caller(ToApis(), desk).ask("POST", SUBMIT, sent)
    assert (answer.status == 200) == bool(desk.orders)
    assert answer.status in (200, 400)


# ---- the other routes ------------------------------------------------------------------------


def ask_models(desk: MemoryDesk, kind: str) -> Answer:
    request = Incoming("GET", "/v1/models", "", {}, {"type": kind}, b"")
    return asyncio.run(models(request, desk))


def test_the_model_list_may_be_asked_by_type(desk: MemoryDesk, door: Caller) -> None:
    listing = parsed(door.ask("GET", "/v1/models"))
    assert (listing["success"], listing["object"]) == (True, "list")
    assert [(m["id"], m["object"]) for m in listing["data"]] == [(o.names[0], "model") for o in OFFERS]
    assert parsed(ask_models(desk, "image")) == listing
    assert parsed(ask_models(desk, "video"))["data"] == []
    with pytest.raises(Problem, match="type must be one of"):
        ask_models(desk, "sound")


def test_a_rate_limit_starts_with_the_documented_sentence() -> None:
    answer = ToApis().word(Problem(Kind.RATE_LIMITED, "The queue is full.", retry_after=9), SUBMIT_REQUEST)
    message = parsed(answer)["error"]["message"]
    assert message == "Too many requests, please try again later. The queue is full."
    assert answer.headers["Retry-After"] == "9"


def test_a_402_says_what_is_missing(desk: MemoryDesk, door: Caller) -> None:
    facts: dict[str, Any] = {"needed": 38_700_000, "balance": 0, "topup_url": "https://easel.example/billing"}
    desk.refusal = Problem(Kind.NO_CREDIT, "No.", **facts)
    answer = door.ask("POST", SUBMIT, SEED)
    assert (answer.status, parsed(answer)["error"]["code"]) == (402, "insufficient_quota")
    assert "$0.0387" in parsed(answer)["error"]["message"]
