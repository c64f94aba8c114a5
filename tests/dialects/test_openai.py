"""OpenAI's door: what it answers, and what can be read there."""

from __future__ import annotations

import io
from base64 import b64decode
from dataclasses import replace

import pytest
from openai.types import ImagesResponse, Model
from PIL import Image

from generations.dialects import DIALECTS
from generations.dialects.openai.images import INLINE_BYTES
from generations.errors import Problem
from generations.spec import Balance, Kind, Order, State, Usage
from tests.dialects.desk import FLASH, OFFERS, PRO, MemoryDesk, delivered, parsed, picture, report
from tests.dialects.openai_caller import FLASH_ORDER, GENERATE, Caller


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk("openai")


@pytest.fixture
def door(desk: MemoryDesk) -> Caller:
    return Caller(desk)


# ---- the answer ------------------------------------------------------------------------------


def test_two_images_come_back_as_base64_with_usage_and_cost(door: Caller) -> None:
    answer = door.ask("POST", GENERATE, FLASH_ORDER | {"n": 2})
    body = parsed(answer)
    assert answer.status == 200
    assert list(body) == ["created", "data", "usage"]
    assert [b64decode(item["b64_json"]) for item in body["data"]] == [picture(1), picture(2)]
    assert {item["revised_prompt"] for item in body["data"]} == {"A white siamese cat"}
    assert body["usage"] == {
        "input_tokens": 10,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": 10},
        "output_tokens": 2580,
        "output_tokens_details": {"image_tokens": 2580, "text_tokens": 0},
        "total_tokens": 2590,
        "cost": 0.0774,
        "cost_details": {"input_cost": 0, "image_output_cost": 0.0774},
    }


def test_one_image_costs_exactly_0_0387(door: Caller) -> None:
    assert (
        b'"cost":0.0387,"cost_details":{"input_cost":0,' in door.ask("POST", GENERATE, FLASH_ORDER).content()
    )


def test_the_official_client_reads_the_answer(door: Caller) -> None:
    fields = {"size": "1792x1024", "background": "transparent", "output_format": "png"}
    answer = door.ask("POST", GENERATE, FLASH_ORDER | fields)
    read = ImagesResponse.model_validate_json(answer.content())
    assert read.data is not None
    assert read.usage is not None
    assert Image.open(io.BytesIO(b64decode(read.data[0].b64_json or ""))).size == (64, 48)
    assert (read.background, read.output_format, read.size) == ("opaque", "png", "1344x768")


def test_a_large_body_is_spliced_without_loss(desk: MemoryDesk, door: Caller) -> None:
    desk.files["outputs/1.png"] = bytes(range(256)) * (INLINE_BYTES // 256 + 1)
    prompt = 'Ein "Käse" \\ 猫 \u2028'
    body = parsed(door.ask("POST", GENERATE, {"model": "gemini-2.5-flash-image", "prompt": prompt}))
    assert b64decode(body["data"][0]["b64_json"]) == desk.files["outputs/1.png"]
    assert body["data"][0]["revised_prompt"] == prompt


def test_blocked_content_is_a_200_without_images_or_cost(desk: MemoryDesk, door: Caller) -> None:
    desk.ends = {"state": State.FAILED, "kind": Kind.CONTENT_BLOCKED, "message": "Blocked."}
    answer = door.ask("POST", GENERATE, FLASH_ORDER | {"size": "1024x1024"})
    body = parsed(answer)
    assert (answer.status, body["data"], body["usage"]["cost"]) == (200, [], 0)
    assert ImagesResponse.model_validate_json(answer.content()).data == []


@pytest.mark.parametrize(
    "kind, status, type_, code",
    [
        (Kind.NO_IMAGE, 500, "api_error", None),
        (Kind.UPSTREAM_ERROR, 502, "upstream_error", "all_providers_failed"),
        (Kind.UPSTREAM_TIMEOUT, 504, "timeout_error", "timeout"),
        (Kind.OVERLOADED, 529, "overloaded", "overloaded"),
        (Kind.MISCONFIGURED, 503, "api_error", None),
    ],
)
def test_a_failed_generation_is_an_error_about_it(
    desk: MemoryDesk, door: Caller, kind: Kind, status: int, type_: str, code: str | None
) -> None:
    desk.ends = {"state": State.FAILED, "kind": kind, "message": "The model is away."}
    answer = door.ask("POST", GENERATE, FLASH_ORDER)
    error = parsed(answer)["error"]
    assert (answer.status, error["type"], error["code"]) == (status, type_, code)


def test_no_image_has_the_documented_sentence(desk: MemoryDesk, door: Caller) -> None:
    desk.ends = {"state": State.FAILED, "kind": Kind.NO_IMAGE, "message": "Text only."}
    message = parsed(door.ask("POST", GENERATE, FLASH_ORDER))["error"]["message"]
    assert message.startswith("The model did not generate any images. Try a different model")


def test_a_cancelled_generation_is_a_499(desk: MemoryDesk, door: Caller) -> None:
    desk.ends = {"state": State.CANCELLED}
    answer = door.ask("POST", GENERATE, FLASH_ORDER)
    assert (answer.status, parsed(answer)["error"]["code"]) == (499, "request_cancelled")


def test_a_wait_that_ends_first_says_where_the_image_will_be(desk: MemoryDesk, door: Caller) -> None:
    made = report(Order(model=FLASH.model, asked="auto", prompt="x"))
    desk.refusal = Problem(Kind.DEADLINE, "The wait limit of 120 s is over.", generation=made.id)
    answer = door.ask("POST", GENERATE, FLASH_ORDER)
    assert answer.status == 504
    assert f"/door/v1/generations/{made.id}" in parsed(answer)["error"]["message"]


def test_a_deadline_that_ended_the_generation_promises_no_image(desk: MemoryDesk, door: Caller) -> None:
    desk.ends = {"state": State.FAILED, "kind": Kind.DEADLINE, "message": "Not done in 15 minutes."}
    answer = door.ask("POST", GENERATE, FLASH_ORDER)
    assert (answer.status, parsed(answer)["error"]["message"]) == (504, "Not done in 15 minutes.")


# ---- reading ---------------------------------------------------------------------------------


def test_a_generation_reads_as_the_answer_its_post_gave_with_where_it_stands(
    door: Caller, desk: MemoryDesk
) -> None:
    posted = door.ask("POST", GENERATE, FLASH_ORDER | {"size": "1024x1024", "quality": "hd"})
    (made,) = desk.reports
    read = door.ask("GET", f"/v1/generations/{made}")
    assert read.status == 200
    assert parsed(read) == parsed(posted) | {
        "id": str(made),
        "object": "image.generation",
        "status": "completed",
        "progress": 100,
        "expires_at": 1795262400,
        "links": [f"https://easel.example/i/{made}/1.png?t=abc"],
    }


def test_a_failed_generation_reads_as_its_error(door: Caller, desk: MemoryDesk) -> None:
    order = Order(model=FLASH.model, asked="auto", prompt="x")
    made = desk.keep(report(order, state=State.FAILED, kind=Kind.UPSTREAM_ERROR, message="Away."))
    assert door.ask("GET", f"/v1/generations/{made.id}").status == 502


@pytest.mark.parametrize("state, word", [(State.QUEUED, "queued"), (State.RUNNING, "in_progress")])
def test_a_generation_that_is_not_final_is_a_202(
    door: Caller, desk: MemoryDesk, state: State, word: str
) -> None:
    order = Order(model=FLASH.model, asked="auto", prompt="x")
    made = desk.keep(report(order, state=state, progress=30))
    answer = door.ask("GET", f"/v1/generations/{made.id}")
    assert (answer.status, answer.headers["Retry-After"]) == (202, "2")
    assert parsed(answer) == {
        "created": 1795176000,
        "data": [],
        "id": str(made.id),
        "object": "image.generation",
        "status": word,
        "progress": 30,
        "expires_at": None,
        "links": [],
    }


def test_an_unknown_generation_is_a_404(door: Caller) -> None:
    answer = door.ask("GET", "/v1/generations/019aa1b2-c3d4-7abc-8def-0123456789ab")
    assert (answer.status, parsed(answer)["error"]["code"]) == (404, "not_found")


def test_another_doors_generation_reads_without_that_doors_echo(door: Caller, desk: MemoryDesk) -> None:
    order = Order(model=FLASH.model, asked="x", prompt="x", echo={"model_params": {"a": 1}})
    usage = Usage(prompt=268, prompt_images=258)
    made = desk.keep(delivered(report(order, usage=usage), 1))
    body = parsed(door.ask("GET", f"/v1/generations/{made.id}"))
    assert list(body)[:4] == ["created", "data", "usage", "id"]
    assert body["usage"]["input_tokens_details"] == {"image_tokens": 258, "text_tokens": 10}


def test_images_that_are_not_kept_any_more_are_a_410(door: Caller, desk: MemoryDesk) -> None:
    order = Order(model=FLASH.model, asked="auto", prompt="x")
    made = desk.keep(report(order, state=State.SUCCEEDED, tokens=1290))
    answer = door.ask("GET", f"/v1/generations/{made.id}")
    assert (answer.status, parsed(answer)["error"]["code"]) == (410, "gone")


# ---- models ----------------------------------------------------------------------------------


def test_models_are_listed_for_everybody_with_prices_per_token(door: Caller) -> None:
    listing = parsed(door.ask("GET", "/v1/models"))
    flash = listing["data"][0]
    assert listing["object"] == "list"
    assert [item["id"] for item in listing["data"]] == [offer.names[0] for offer in OFFERS]
    assert (flash["owned_by"], flash["aliases"]) == ("google", ["nano-banana-beta"])
    assert flash["pricing"] == {"prompt": "0", "completion": "0.00003", "image": "0", "request": "0"}
    assert "image" in flash["architecture"]["output_modalities"]


def test_only_the_catalogue_and_the_health_of_the_door_need_no_key() -> None:
    routes = DIALECTS["openai"].routes()
    assert {r.path for r in routes if r.open} == {"/", "/v1/models", "/v1/models/{model*}"}
    assert {r.path for r in routes if r.submits} == {GENERATE, "/v1/images/edits"}
    assert all(r.scope == "images:create" for r in routes if r.submits)


@pytest.mark.parametrize("name", ["nano-banana-beta", "google/gemini-2.5-flash-image"])
def test_a_model_is_read_by_name_by_alias_or_with_its_provider(door: Caller, name: str) -> None:
    answer = door.ask("GET", f"/v1/models/{name}")
    assert Model.model_validate_json(answer.content()).id == "gemini-2.5-flash-image"


def test_a_model_that_is_unknown_or_hidden_is_a_404(door: Caller, desk: MemoryDesk) -> None:
    desk.models = (FLASH, replace(PRO, allowed=False))
    for name in ("gpt-4", "gemini-3-pro-image"):
        answer = door.ask("GET", f"/v1/models/{name}")
        assert (answer.status, parsed(answer)["error"]["code"]) == (404, "model_not_found")


# ---- the key and the wallet ------------------------------------------------------------------


@pytest.mark.parametrize("limit, told", [(None, None), (5 * 10**9, "5")])
def test_the_key_tells_what_it_spent_and_what_it_may(
    door: Caller, desk: MemoryDesk, limit: int | None, told: str | None
) -> None:
    desk.money = Balance(10**10, 25 * 10**8, "CI", limit, 38_700_000)
    assert parsed(door.ask("GET", "/v1/key"))["data"] == {
        "label": "CI",
        "usage": "0.0387",
        "limit": told,
        "devPlan": "none",
        "devPlanCreditsUsed": "0",
        "devPlanCreditsLimit": "0",
        "devPlanCreditsRemaining": "0",
        "devPlanPremiumWeeklyLimit": "0",
        "devPlanPremiumCreditsUsed": "0",
        "devPlanPremiumWeekResetsAt": None,
    }


def test_the_wallet_adds_up(door: Caller) -> None:
    assert parsed(door.ask("GET", "/v1/credits")) == {
        "data": {"total_credits": "12.5", "total_usage": "2.5", "remaining_credits": "10"}
    }


def test_the_door_says_that_it_is_well(door: Caller) -> None:
    assert parsed(door.ask("GET", "/")) == {"message": "OK", "health": {"status": "healthy"}}
