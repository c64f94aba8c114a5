"""OpenAI's door: what it takes, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generations.dialect import Incoming
from generations.dialects import DIALECTS
from generations.errors import Problem
from generations.spec import Kind, Order
from tests.dialects.desk import FLASH, PRO, MemoryDesk, parsed
from tests.dialects.openai_caller import FLASH_ORDER, GENERATE, Caller

REQUEST = Incoming("POST", GENERATE, "https://easel.example/door", {}, {}, b"")


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk("openai")


@pytest.fixture
def door(desk: MemoryDesk) -> Caller:
    return Caller(desk)


def ordered(desk: MemoryDesk, door: Caller, **fields: Any) -> Order:
    """The order that a flash request with these fields becomes."""
    assert door.ask("POST", GENERATE, FLASH_ORDER | fields).status == 200
    return desk.orders[-1]


# ---- the order -------------------------------------------------------------------------------


def test_a_bare_prompt_is_one_image_of_the_vendors_automatic_model(door: Caller, desk: MemoryDesk) -> None:
    door.ask("POST", GENERATE, {"prompt": "x"})
    assert desk.orders == [Order(model="gemini-3-pro-image", asked="auto", prompt="x")]


def test_automatic_means_what_the_key_may_use(door: Caller, desk: MemoryDesk) -> None:
    desk.models = (FLASH, replace(PRO, allowed=False))
    door.ask("POST", GENERATE, {"prompt": "x", "model": "auto"})
    assert desk.orders[0].model == "gemini-2.5-flash-image"


@pytest.mark.parametrize("name", ["google/gemini-2.5-flash-image", "nano-banana-beta", "x/nano-banana-beta"])
def test_a_model_goes_by_aliases_and_by_provider(door: Caller, desk: MemoryDesk, name: str) -> None:
    assert ordered(desk, door, model=name).model == "gemini-2.5-flash-image"
    assert desk.orders[0].asked == name


def test_what_official_clients_send_beyond_the_contract_is_dropped(door: Caller, desk: MemoryDesk) -> None:
    extra = {"user": "u1", "safety_identifier": "s", "partial_images": 2, "stream": False, "frame_count": 9}
    nothing: dict[str, Any] = {"n": None, "size": None, "quality": None, "image": None, "images": []}
    assert ordered(desk, door, **extra, **nothing) == ordered(desk, door)


@pytest.mark.parametrize(
    "fields, ratio, said",
    [
        ({}, None, ()),
        ({"size": "auto"}, None, ()),
        ({"size": "1024x1024"}, "1:1", ()),
        ({"size": "1344x768"}, "16:9", ()),
        ({"size": "896x1152"}, "4:5", ()),
        ({"size": "1792x1024"}, "16:9", ("size 1792x1024 -> 1344x768",)),
        ({"size": "1024x1792"}, "9:16", ("size 1024x1792 -> 768x1344",)),
        ({"size": "1536x1024"}, "3:2", ("size 1536x1024 -> 1248x832",)),
        ({"size": "1024x1536"}, "2:3", ("size 1024x1536 -> 832x1248",)),
        ({"size": "256x256"}, "1:1", ("size 256x256 -> 1024x1024",)),
        ({"size": "1K"}, None, ()),
        ({"size": "4K"}, None, ("size 4K -> 1K",)),
        ({"aspect_ratio": "16:9"}, "16:9", ()),
        ({"aspect_ratio": "7:4"}, "16:9", ("aspect_ratio 7:4 -> 16:9",)),
        ({"aspect_ratio": "16:9", "size": "1344x768"}, "16:9", ()),
        ({"aspect_ratio": "16:9", "size": "1024x1024"}, "16:9", ("size 1024x1024 -> 1344x768",)),
        ({"aspect_ratio": "16:9", "size": "1K"}, "16:9", ()),
    ],
)
def test_sizes_become_the_nearest_shape_and_say_so(
    door: Caller, desk: MemoryDesk, fields: dict[str, str], ratio: str | None, said: tuple[str, ...]
) -> None:
    order = ordered(desk, door, **fields)
    assert (order.ratio, order.resolution, order.adjusted) == (ratio, "1K", said)


@pytest.mark.parametrize(
    "size, ratio, resolution", [("2048x2048", "1:1", "2K"), ("4K", None, "4K"), ("5504x3072", "16:9", "4K")]
)
def test_a_model_with_tiers_draws_the_tier_that_was_asked(
    door: Caller, desk: MemoryDesk, size: str, ratio: str | None, resolution: str
) -> None:
    order = ordered(desk, door, model="gemini-3-pro-image", size=size)
    assert (order.ratio, order.resolution, order.adjusted) == (ratio, resolution, ())


@pytest.mark.parametrize(
    "fields, attribute, value, said",
    [
        ({"quality": "auto"}, "quality", None, ()),
        ({"quality": "standard"}, "quality", "medium", ()),
        ({"quality": "low"}, "quality", "low", ("quality low -> medium",)),
        ({"quality": "hd"}, "quality", "high", ("quality hd -> as words in the prompt",)),
        ({"quality": "max"}, "quality", "high", ("quality max -> as words in the prompt",)),
        ({"style": "vivid"}, "style", "vivid", ("style vivid -> as words in the prompt",)),
        ({"background": "auto"}, "background", None, ()),
        ({"background": "opaque"}, "background", "opaque", ()),
        ({"background": "transparent"}, "background", "transparent", ("background transparent -> opaque",)),
        ({"output_format": "webp"}, "format", "webp", ()),
        ({"output_format": "jpeg", "output_compression": 0}, "compression", 0, ()),
        ({"output_compression": 100}, "compression", None, ()),
        ({"output_compression": 50}, "compression", None, ("output_compression 50 -> none for png",)),
        ({"moderation": "auto"}, "adjusted", (), ()),
        ({"moderation": "low"}, "format", None, ("moderation low -> auto",)),
        ({"service_tier": "default"}, "adjusted", (), ()),
        ({"service_tier": "flex"}, "format", None, ("service_tier flex -> default",)),
        ({"response_format": "b64_json"}, "format", None, ()),
        ({"complexity": "high"}, "format", None, ("complexity high -> as the model does by itself",)),
        ({"partial_images": 3}, "adjusted", (), ()),
        ({"input_fidelity": "high"}, "adjusted", (), ()),
    ],
)
def test_every_option_reaches_the_order_or_is_said(
    door: Caller, desk: MemoryDesk, fields: dict[str, Any], attribute: str, value: Any, said: tuple[str, ...]
) -> None:
    order = ordered(desk, door, **fields)
    assert (getattr(order, attribute), order.adjusted) == (value, said)


def test_adjustments_fit_in_a_header(door: Caller, desk: MemoryDesk) -> None:
    fields = {"size": "99999x1", "aspect_ratio": "9999:1", "quality": "hd", "style": "natural"}
    for sentence in ordered(desk, door, **fields, background="transparent", moderation="low").adjusted:
        assert sentence.isascii()
        assert sentence.isprintable()
        assert ";" not in sentence


# ---- refusals --------------------------------------------------------------------------------

BAD_FIELDS = [
    ("prompt", None, "prompt: Required"),
    ("prompt", "", "prompt: String must contain at least 1 character(s)"),
    ("prompt", 7, "prompt: Expected string, received number"),
    ("prompt", "x" * 1001, "prompt: String must contain at most 1000 character(s)"),
    ("model", ["x"], "model: Expected string, received array"),
    ("n", 0, "n: Number must be greater than or equal to 1"),
    ("n", -1, "n: Number must be greater than or equal to 1"),
    ("n", 11, "n: Number must be less than or equal to 10"),
    ("n", 10**30, "n: Number must be less than or equal to 10"),
    ("n", 1.0, "n: Expected integer, received float"),
    ("n", "1", "n: Expected number, received string"),
    ("n", True, "n: Expected number, received boolean"),
    ("size", "banana", "size: Expected auto, WIDTHxHEIGHT, 1K, 2K or 4K, received 'banana'"),
    ("size", "0x1024", "size: Expected auto, WIDTHxHEIGHT, 1K, 2K or 4K, received '0x1024'"),
    ("size", "1024x1024\n", "size: Expected auto"),
    ("size", "١٠x١٠", "size: Expected auto"),
    ("size", 1024, "size: Expected string, received number"),
    ("aspect_ratio", "wide", "aspect_ratio: Expected a ratio like 16:9, received 'wide'"),
    ("aspect_ratio", "0:1", "aspect_ratio: Expected a ratio"),
    ("aspect_ratio", 1.5, "aspect_ratio: Expected string, received number"),
    ("quality", "ultra", "quality: Invalid enum value. Expected 'auto' | 'standard'"),
    ("quality", ["hd"], "quality: Expected 'auto' | 'standard'"),
    ("style", "baroque", "style: Invalid enum value. Expected 'vivid' | 'natural', received 'baroque'"),
    ("background", "blue", "background: Invalid enum value"),
    ("output_format", "gif", "output_format: Invalid enum value. Expected 'png' | 'jpeg' | 'webp'"),
    ("output_format", "svg", "output_format: Invalid enum value"),
    ("output_compression", 101, "output_compression: Number must be less than or equal to 100"),
    ("output_compression", -1, "output_compression: Number must be greater than or equal to 0"),
    ("moderation", "none", "moderation: Invalid enum value"),
    ("service_tier", "gold", "service_tier: Invalid enum value"),
    ("response_format", "url", 'response_format: Invalid literal value, expected "b64_json"'),
    ("response_format", 1, "response_format: Invalid literal value"),
    ("stream", "true", "stream: Expected boolean, received string"),
    ("partial_images", 4, "partial_images: Number must be less than or equal to 3"),
    ("partial_images", -1, "partial_images: Number must be greater than or equal to 0"),
    ("complexity", 3, "complexity: Expected 'low' | 'medium' | 'high', received number"),
    ("image", "data:image/png;base64,AAAA", "image: Input images belong to POST /v1/images/edits"),
    ("images", [{"image_url": "https://example.com/x.png"}], "images: Input images belong to"),
    ("mask", "x", "mask: Input images belong to"),
    ("markup", "x", "markup: Input images belong to"),
]


@pytest.mark.parametrize("field, value, issue", BAD_FIELDS, ids=lambda value: repr(value)[:24])
def test_a_bad_field_is_a_400_in_the_vendors_phrases_and_orders_nothing(
    door: Caller, desk: MemoryDesk, field: str, value: Any, issue: str
) -> None:
    answer = door.ask("POST", GENERATE, FLASH_ORDER | {field: value})
    error = parsed(answer)["error"]
    assert answer.status == 400
    assert error["message"].startswith(f"Invalid request parameters: {issue}")
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", field, None)
    assert not desk.orders


def test_all_bad_fields_are_named_at_once(door: Caller) -> None:
    error = parsed(door.ask("POST", GENERATE, {"style": "x", "stream": 1}))["error"]
    assert "prompt: Required" in error["message"]
    assert "style: Invalid" in error["message"]
    assert "stream: Expected boolean" in error["message"]
    assert error["param"] == "prompt"


def test_limits_pass_at_the_limit(door: Caller) -> None:
    assert door.ask("POST", GENERATE, FLASH_ORDER | {"prompt": "é" * 1000, "n": 10}).status == 200


def test_an_unknown_model_is_not_supported(door: Caller) -> None:
    answer = door.ask("POST", GENERATE, FLASH_ORDER | {"model": "dall-e-3"})
    error = parsed(answer)["error"]
    assert (answer.status, error["code"], error["param"]) == (404, "model_not_found", "model")
    assert error["message"].startswith("Requested model dall-e-3 not supported")


def test_a_model_the_key_may_not_use_is_denied(door: Caller, desk: MemoryDesk) -> None:
    desk.models = (FLASH, replace(PRO, allowed=False))
    answer = door.ask("POST", GENERATE, FLASH_ORDER | {"model": "gemini-3-pro-image"})
    error = parsed(answer)["error"]
    assert (answer.status, error["code"]) == (403, "permission_denied")
    assert error["message"] == "Access denied: Model gemini-3-pro-image is not in the allowed models list"


@pytest.mark.parametrize("body", [b"", b"[", b"nonsense", b'{"n": NaN}', b'{"a":' * 10**5], ids=len)
def test_a_body_that_is_no_json_is_a_400(door: Caller, body: bytes) -> None:
    answer = door.ask("POST", GENERATE, body)
    assert (answer.status, parsed(answer)["error"]["code"]) == (400, "invalid_json")


def test_the_documented_sentence_for_broken_json(door: Caller) -> None:
    assert parsed(door.ask("POST", GENERATE, b"{"))["error"]["message"] == "Invalid JSON in request body"


@pytest.mark.parametrize("body, name", [([], "array"), ("x", "string"), (7, "number"), (None, "null")])
def test_a_body_that_is_no_object_is_a_400(door: Caller, body: Any, name: str) -> None:
    answer = door.ask("POST", GENERATE, b"null" if body is None else body)
    assert parsed(answer)["error"]["message"].endswith(f"body: Expected object, received {name}")


@pytest.mark.parametrize("content_type", ["", "text/plain", "multipart/form-data; boundary=x"])
def test_anything_but_json_is_a_415(door: Caller, content_type: str) -> None:
    answer = door.ask("POST", GENERATE, FLASH_ORDER, headers={"content-type": content_type})
    error = parsed(answer)["error"]
    assert (answer.status, error["code"]) == (415, "unsupported_media_type")
    assert error["message"] == "Unsupported Media Type: Content-Type must be application/json"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ["prompt", "n", "size", "aspect_ratio", "quality", "style", "output_compression", "stream", "mask"]


@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
@settings(max_examples=150, deadline=None)
def test_any_json_object_is_either_an_order_or_a_400(body: dict[str, Any]) -> None:
    desk = MemoryDesk("openai")
    answer = Caller(desk).ask("POST", GENERATE, body)
    assert (answer.status == 200) == bool(desk.orders)
    assert answer.status in (200, 400)


def test_authorization_errors_have_their_documented_sentences() -> None:
    said = {}
    for header in (None, "Basic abc", "Bearer wrong"):
        headers = {"authorization": header} if header else {}
        kind = Kind.AUTH_INVALID if header else Kind.AUTH_MISSING
        request = replace(REQUEST, headers=headers)
        said[header] = parsed(DIALECTS["openai"].word(Problem(kind, "x"), request))["error"]["message"]
    assert said == {
        None: "Unauthorized: No Authorization header provided. Expected 'Bearer your-api-token'",
        "Basic abc": "Unauthorized: Invalid Authorization header format. Expected 'Bearer your-api-token'",
        "Bearer wrong": "Unauthorized: Invalid token",
    }


def test_a_rate_limit_says_the_seconds_in_words_too() -> None:
    problem = Problem(Kind.RATE_LIMITED, "Rate limit exceeded for /v1/images.", retry_after=12)
    message = parsed(DIALECTS["openai"].word(problem, REQUEST))["error"]["message"]
    assert message == "Rate limit exceeded for /v1/images. Please retry after 12 seconds."
