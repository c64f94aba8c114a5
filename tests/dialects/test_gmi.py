"""GMI Cloud's door: what is asked, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generations import handles
from generations.dialect import Answer
from generations.dialects.gmi import Gmi
from generations.errors import Problem
from generations.spec import Kind, Order, Sampling
from tests.dialects.desk import FLASH, PRO, Caller, MemoryDesk, parsed

QUEUE = "/api/v1/ie/requestqueue/apikey"
REQUESTS = f"{QUEUE}/requests"
OFFERS = (
    replace(FLASH, names=("gemini-2.5-flash-image",), default_ratio="1:1", max_references=3),
    replace(PRO, names=("gemini-3-pro-image-preview",), default_ratio="1:1", max_references=14),
)
SEED = {"model": "gemini-2.5-flash-image", "payload": {"prompt": "A portrait under neon lights"}}


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk("gmi", models=OFFERS)


@pytest.fixture
def door(desk: MemoryDesk) -> Caller:
    return Caller(Gmi(), desk)


def submit(door: Caller, **payload: Any) -> Answer:
    return door.ask("POST", REQUESTS, SEED | {"payload": payload})


def refusal(answer: Answer, status: int = 400) -> str:
    """The sentence that is the whole error."""
    assert answer.status == status
    body = parsed(answer)
    assert list(body) == ["error"]
    return str(body["error"])


# ---- submit ----------------------------------------------------------------------------------


def test_the_documented_request_is_queued_in_the_documented_order(door: Caller, desk: MemoryDesk) -> None:
    answer = submit(door, prompt="A portrait under neon lights", aspect_ratio="4:5")
    body = parsed(answer)
    assert answer.status == 200
    assert list(body.items()) == [
        ("request_id", handles.gmi(next(iter(desk.reports)))),
        ("model", "gemini-2.5-flash-image"),
        ("status", "queued"),
        ("created_at", 1795176000),
        ("updated_at", 1795176000),
        ("queued_at", 1795176000),
    ]
    assert answer.report is not None


def test_the_default_is_one_square_png(door: Caller, desk: MemoryDesk) -> None:
    submit(door, prompt="x")
    payload = {"prompt": "x"}
    plain = Order(model=FLASH.model, asked="gemini-2.5-flash-image", prompt="x", ratio="1:1", format="png")
    assert desk.orders == [replace(plain, echo={"payload": payload})]


def test_every_field_reaches_the_order(door: Caller, desk: MemoryDesk) -> None:
    payload = {
        "prompt": "x",
        "image": [],
        "aspect_ratio": "16:9",
        "image_size": "4K",
        "image_output_format": "jpeg",
        "temperature": 0,
        "top_p": 1,
    }
    body = {"model": "gemini-3-pro-image-preview", "payload": payload | {"something_else": 1}}
    assert door.ask("POST", REQUESTS, body).status == 200
    assert desk.orders == [
        Order(
            model=PRO.model,
            asked="gemini-3-pro-image-preview",
            prompt="x",
            ratio="16:9",
            resolution="4K",
            format="jpeg",
            sampling=Sampling(temperature=0.0, top_p=1.0),
            echo={"payload": payload},
        )
    ]
    assert Order.from_json(desk.orders[0].to_json()) == desk.orders[0]


def test_a_size_the_model_lacks_becomes_the_nearest_and_is_said(door: Caller, desk: MemoryDesk) -> None:
    submit(door, prompt="x", image_size="4K")
    assert (desk.orders[0].resolution, desk.orders[0].adjusted) == ("1K", ("image_size 4K -> 1K",))


BAD_FIELDS = [
    ("prompt", None),
    ("prompt", " "),
    ("prompt", "x" * 1001),
    ("prompt", 7),
    ("aspect_ratio", "auto"),
    ("aspect_ratio", "1:8"),
    ("aspect_ratio", 1),
    ("image_size", "512"),
    ("image_size", "1k"),
    ("image_output_format", "webp"),
    ("temperature", 2.1),
    ("temperature", "1"),
    ("top_p", True),
    ("image", 7),
    ("image", [7]),
    ("image", ["x"] * 4),
    ("image", "iVBORw0KGgo="),
    ("image", ["https://example.com/cat.png", "ftp://example.com/cat.png"]),
    ("contents", "x"),
    ("contents", [7]),
    ("contents", [{"role": "system", "parts": [{"text": "x"}]}]),
    ("contents", [{"role": "user", "parts": "x"}]),
    ("contents", [{"role": "user", "parts": ["x"]}]),
    ("contents", [{"role": "user", "parts": [{"functionCall": {}}]}]),
    ("contents", [{"role": "user", "parts": [{"text": 7}]}]),
    ("contents", [{"role": "user", "parts": [{"text": ""}]}]),
    ("contents", [{"role": "user", "parts": [{"fileData": "x"}]}]),
    ("contents", [{"role": "user", "parts": [{"text": "x", "thoughtSignature": "é"}]}]),
    ("contents", [{"role": "user", "parts": [{"text": "x" * 1001}]}]),
    ("contents", [{"role": "user", "parts": [{"text": "x"}]}, {"role": "model", "parts": [{"text": "y"}]}]),
]


@pytest.mark.parametrize("field, value", BAD_FIELDS, ids=lambda value: repr(value)[:60])
def test_a_bad_field_is_a_400_that_names_it_and_orders_nothing(
    door: Caller, desk: MemoryDesk, field: str, value: Any
) -> None:
    assert refusal(submit(door, **{"prompt": "x", field: value})).startswith(f"payload.{field}")
    assert not desk.orders


AT_THE_BOUND = [
    ("prompt", "x" * 1000),
    ("contents", [{"role": "user", "parts": [{"text": "x" * 1000}]}]),
    *(("temperature", value) for value in (0, 2, 2.0)),
    *(("top_p", value) for value in (0, 1)),
    *(("aspect_ratio", ratio) for ratio in FLASH.ratios),
    *(("image_output_format", word) for word in ("png", "jpeg")),
]


@pytest.mark.parametrize("field, value", AT_THE_BOUND, ids=lambda value: repr(value)[:40])
def test_what_is_just_within_the_bounds_is_taken(
    door: Caller, desk: MemoryDesk, field: str, value: Any
) -> None:
    assert submit(door, **{"prompt": "x", field: value}).status == 200
    assert not desk.orders[0].adjusted


@pytest.mark.parametrize(
    "body, start",
    [
        ({"model": "gemini-2.5-flash-image"}, "payload is required"),
        ({"model": "gemini-2.5-flash-image", "payload": {}}, "payload must not be empty"),
        ({"model": "gemini-2.5-flash-image", "payload": "x"}, "payload must be an object"),
        ({"payload": {"prompt": "x"}}, "model is required"),
        ({"model": 7, "payload": {"prompt": "x"}}, "model must be a string"),
        ([], "The request body must be a JSON object"),
        (b"{", "Invalid JSON"),
    ],
    ids=repr,
)
def test_a_body_of_another_shape_is_a_400(door: Caller, body: Any, start: str) -> None:
    assert refusal(door.ask("POST", REQUESTS, body)).startswith(start)


def test_an_unknown_model_and_one_the_key_may_not_use_are_the_same_404(desk: MemoryDesk) -> None:
    desk.models = (OFFERS[0], replace(OFFERS[1], allowed=False))
    door = Caller(Gmi(), desk)
    told = {
        name: refusal(door.ask("POST", REQUESTS, SEED | {"model": name}), 404)
        for name in ("imagen-9", "gemini-3-pro-image-preview")
    }
    assert {said.replace(name, "...") for name, said in told.items()} == {
        "model ... not found or you do not have access; models: gemini-2.5-flash-image"
    }
    assert parsed(door.ask("GET", f"{QUEUE}/models")) == {"model_ids": ["gemini-2.5-flash-image"]}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ["prompt", "image", "aspect_ratio", "image_size", "temperature", "contents"]
parts = st.dictionaries(st.sampled_from(["text", "fileData", "inline_data", "thoughtSignature"]), json_values)
turns = st.fixed_dictionaries({"role": st.sampled_from(["user", "model"]), "parts": st.lists(parts)})


@given(st.dictionaries(st.sampled_from(FIELDS), json_values), st.none() | st.lists(turns, max_size=3))
@settings(max_examples=150, deadline=None)
def test_any_payload_is_either_an_order_or_a_400(payload: dict[str, Any], contents: Any) -> None:
    desk = MemoryDesk("gmi", models=OFFERS)
    sent = {"prompt": "x"} | payload | ({} if contents is None else {"contents": contents})
    answer = submit(Caller(Gmi(), desk), **sent)
    assert (answer.status == 200) == bool(desk.orders)
    assert answer.status in (200, 400)


# ---- money ------------------------------------------------------------------------------------


def test_the_402_starts_with_the_documented_sentence(desk: MemoryDesk, door: Caller) -> None:
    desk.refusal = Problem(Kind.NO_CREDIT, "No.", needed=38_700_000, balance=0)
    sentence = "Insufficient credits. Please add more credits to your account."
    assert refusal(door.ask("POST", REQUESTS, SEED), 402).startswith(f"{sentence} This needs $0.0387")
