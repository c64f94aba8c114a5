"""EvoLink's door: what it takes, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generations.dialects import DIALECTS
from generations.errors import Problem
from generations.spec import Kind, Offer, Order
from tests.dialects.desk import FLASH, OFFERS, Caller, MemoryDesk, parsed

SUBMIT = "/v1/images/generations"
SEED = {"model": "gemini-2.5-flash-image", "prompt": "A cat playing in the grass"}
TASK = "task-unified-1763683747-q7w2e9rt"


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk("evolink")


@pytest.fixture
def door(desk: MemoryDesk) -> Caller:
    return Caller(DIALECTS["evolink"], desk)


# ---- submit ----------------------------------------------------------------------------------


def test_the_documented_request_answers_a_pending_task_in_the_documented_order(door: Caller) -> None:
    answer = door.ask("POST", SUBMIT, SEED)
    body = parsed(answer)
    task_id = body["id"]
    assert answer.status == 200
    assert list(body.items()) == [
        ("created", 1795176000),
        ("id", task_id),
        ("model", "gemini-2.5-flash-image"),
        ("object", "image.generation.task"),
        ("progress", 0),
        ("status", "pending"),
        ("task_info", {"can_cancel": True, "estimated_time": 45}),
        ("type", "image"),
        ("usage", {"billing_rule": "per_call", "credits_reserved": 2.6316, "user_group": "default"}),
    ]
    assert task_id.startswith("task-unified-")
    assert answer.report is not None


def test_the_defaults_are_one_flash_image_without_a_ratio(door: Caller, desk: MemoryDesk) -> None:
    door.ask("POST", SUBMIT, {"prompt": "x"})
    assert desk.orders == [Order(model=FLASH.model, asked="gemini-2.5-flash-image", prompt="x")]


def test_every_field_reaches_the_order(door: Caller, desk: MemoryDesk) -> None:
    body = {
        "model": "gemini-3-pro-image-preview",
        "prompt": "x",
        "n": 4,
        "size": "16:9",
        "quality": "4K",
        "image_urls": [],
        "mask_url": None,
        "callback_url": None,
        "model_params": {"web_search": True},
        "something_else": 1,
    }
    assert door.ask("POST", SUBMIT, body).status == 200
    assert desk.orders == [
        Order(
            model="gemini-3-pro-image",
            asked="gemini-3-pro-image-preview",
            prompt="x",
            count=4,
            ratio="16:9",
            resolution="4K",
            adjusted=("model_params -> left out",),
            echo={"model_params": {"web_search": True}},
        )
    ]


def test_auto_is_no_ratio(door: Caller, desk: MemoryDesk) -> None:
    door.ask("POST", SUBMIT, SEED | {"size": "auto"})
    assert desk.orders[0].ratio is None


@pytest.mark.parametrize(
    "model, quality, resolution, said",
    [
        ("gemini-2.5-flash-image", "1K", "1K", ()),
        ("gemini-2.5-flash-image", "2K", "1K", ("quality 2K -> 1K",)),
        ("gemini-3.1-flash-image", "0.5K", "512", ()),
        ("gemini-3-pro-image", "0.5K", "1K", ("quality 0.5K -> 1K",)),
    ],
)
def test_a_quality_the_model_lacks_becomes_the_nearest_and_is_said(
    door: Caller, desk: MemoryDesk, model: str, quality: str, resolution: str, said: tuple[str, ...]
) -> None:
    door.ask("POST", SUBMIT, {"model": model, "prompt": "x", "quality": quality})
    assert (desk.orders[0].resolution, desk.orders[0].adjusted) == (resolution, said)


BAD_FIELDS = [
    ("prompt", None),
    ("prompt", ""),
    ("prompt", " \n"),
    ("prompt", "x" * 1001),
    ("prompt", 7),
    ("prompt", ["x"]),
    ("model", 7),
    ("size", "1024x1024"),
    ("size", "7:4"),
    ("size", ""),
    ("size", 1),
    ("quality", "8K"),
    ("quality", "hd"),
    ("quality", 2),
    ("n", 0),
    ("n", -1),
    ("n", 5),
    ("n", 10**30),
    ("n", 1.0),
    ("n", "1"),
    ("n", True),
    ("n", [1]),
    ("model_params", "x"),
    ("image_urls", "https://example.com/cat.png"),
    ("image_urls", {"url": "https://example.com/cat.png"}),
    ("mask_url", "https://example.com/mask.png"),
    ("mask_url", ["https://example.com/mask.png"]),
    ("callback_url", 7),
    ("callback_url", ["https://example.com/hook"]),
]


@pytest.mark.parametrize("field, value", BAD_FIELDS, ids=lambda value: repr(value)[:24])
def test_a_bad_field_is_a_400_that_names_it_and_orders_nothing(
    door: Caller, desk: MemoryDesk, field: str, value: Any
) -> None:
    answer = door.ask("POST", SUBMIT, SEED | {field: value})
    error = parsed(answer)["error"]
    assert answer.status == 400
    assert (error["code"], error["type"]) == ("invalid_request", "invalid_request_error")
    assert error["param"] == field
    assert field in error["message"]
    assert not desk.orders


@pytest.mark.parametrize("params, said", [({}, ()), ({"seed": 7}, ("model_params -> left out",))])
def test_model_params_are_taken_and_said_to_change_nothing(
    door: Caller, desk: MemoryDesk, params: dict[str, Any], said: tuple[str, ...]
) -> None:
    assert door.ask("POST", SUBMIT, SEED | {"model_params": params}).status == 200
    assert desk.orders[0].adjusted == said


@pytest.mark.parametrize("offer", [FLASH, replace(FLASH, prompt_characters=2000)])
def test_a_prompt_is_as_long_as_the_model_allows(desk: MemoryDesk, offer: Offer) -> None:
    desk.models = (offer,)
    door = Caller(DIALECTS["evolink"], desk)
    assert door.ask("POST", SUBMIT, {"prompt": "x" * offer.prompt_characters}).status == 200
    assert door.ask("POST", SUBMIT, {"prompt": "x" * (offer.prompt_characters + 1)}).status == 400


def test_a_prompt_and_a_count_at_the_limit_pass(door: Caller) -> None:
    assert door.ask("POST", SUBMIT, {"prompt": "é" * 1000, "n": 4}).status == 200


def test_a_model_that_makes_one_image_at_a_time_refuses_two(desk: MemoryDesk) -> None:
    desk.models = (replace(FLASH, max_count=1),)
    door = Caller(DIALECTS["evolink"], desk)
    assert door.ask("POST", SUBMIT, SEED | {"n": 2}).status == 400
    assert door.ask("POST", SUBMIT, SEED | {"n": 1}).status == 200


def test_an_unknown_model_is_a_404_that_lists_the_known_ones(door: Caller) -> None:
    answer = door.ask("POST", SUBMIT, SEED | {"model": "dall-e-2"})
    error = parsed(answer)["error"]
    assert (answer.status, error["code"], error["param"]) == (404, "model_not_found", "model")
    assert "gemini-2.5-flash-image" in error["message"]


def test_a_model_the_key_may_not_use_is_a_403_and_is_not_listed(desk: MemoryDesk) -> None:
    desk.models = (FLASH, replace(OFFERS[1], allowed=False))
    door = Caller(DIALECTS["evolink"], desk)
    answer = door.ask("POST", SUBMIT, SEED | {"model": "gemini-3-pro-image"})
    assert (answer.status, parsed(answer)["error"]["code"]) == (403, "model_access_denied")
    assert [m["id"] for m in parsed(door.ask("GET", "/v1/models"))["data"]] == ["gemini-2.5-flash-image"]


@pytest.mark.parametrize("body", [b"", b"[", b"nonsense", b'{"n": NaN}', b"[" * 10**5], ids=len)
def test_a_body_that_is_no_json_is_a_400(door: Caller, body: bytes) -> None:
    answer = door.ask("POST", SUBMIT, body)
    assert (answer.status, parsed(answer)["error"]["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("body", [[], "x", 7, False])
def test_a_body_that_is_no_object_is_a_400(door: Caller, body: Any) -> None:
    answer = door.ask("POST", SUBMIT, body)
    assert "must be a JSON object" in parsed(answer)["error"]["message"]


@pytest.mark.parametrize(
    "content_type, status",
    [
        ("application/json; charset=utf-8", 200),
        ("Application/JSON", 200),
        ("", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
    ],
)
def test_only_json_is_taken(door: Caller, content_type: str, status: int) -> None:
    assert door.ask("POST", SUBMIT, SEED, headers={"content-type": content_type}).status == status


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = [
    "model", "prompt", "n", "size", "quality", "image_urls", "mask_url", "callback_url", "model_params",
]  # fmt: skip


@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
@settings(max_examples=150, deadline=None)
def test_any_json_object_is_either_an_order_or_a_4xx(body: dict[str, Any]) -> None:
    desk = MemoryDesk("evolink")
    answer = Caller(DIALECTS["evolink"], desk).ask("POST", SUBMIT, body)
    assert (answer.status == 200) == bool(desk.orders)
    assert answer.status in (200, 400, 404)


# ---- money -----------------------------------------------------------------------------------


def test_a_402_tells_the_credits_and_where_to_get_more(desk: MemoryDesk, door: Caller) -> None:
    facts: dict[str, Any] = {
        "needed": 38_700_000,
        "balance": 1_000_000,
        "topup_url": "https://easel.example/billing",
    }
    desk.refusal = Problem(Kind.NO_CREDIT, "No.", **facts)
    answer = door.ask("POST", SUBMIT, SEED)
    error = parsed(answer)["error"]
    assert answer.status == 402
    assert (error["code"], error["type"]) == ("insufficient_quota", "insufficient_quota")
    assert (error["estimated_credits"], error["account_balance_credits"]) == (2.6316, 0.068)
    assert error["action_url"] == "https://easel.example/billing"


@pytest.mark.parametrize(
    "owner, period, code",
    [
        ("organization", "day", "insufficient_quota"),
        ("key", "day", "token_daily_quota_exceeded"),
        ("key", "total", "insufficient_token_quota"),
    ],
)
def test_a_402_tells_whose_budget_it_was(
    desk: MemoryDesk, door: Caller, owner: str, period: str, code: str
) -> None:
    desk.refusal = Problem(Kind.BUDGET_EXCEEDED, "Used up.", owner=owner, period=period)
    answer = door.ask("POST", SUBMIT, SEED)
    assert (answer.status, parsed(answer)["error"]["code"]) == (402, code)
