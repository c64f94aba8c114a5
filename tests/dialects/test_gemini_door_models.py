"""Google's door: its models, the tokens it counts, and where a key may stand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from generations.dialect import Incoming
from generations.errors import Problem
from generations.spec import Kind
from tests.dialects.desk import FLASH, OFFERS, MemoryDesk, parsed
from tests.dialects.gemini_caller import (
    GEMINI,
    GENERATE,
    MODEL,
    PNG,
    Caller,
    field_of,
    ordered,
    refused,
    said,
    shown,
)


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk("gemini")


@pytest.fixture
def door(desk: MemoryDesk) -> Caller:
    return Caller(desk)


# ---- models and tokens -----------------------------------------------------------------------


@pytest.mark.parametrize("version", ["/v1beta", "/v1", "/v1alpha", "", "/v1beta/v1", "/v1/v1beta"])
@pytest.mark.parametrize(
    "name",
    ["gemini-2.5-flash-image", "models/gemini-2.5-flash-image", "google/gemini-2.5-flash-image"],
)
def test_a_model_is_found_under_every_version_and_form(door: Caller, version: str, name: str) -> None:
    assert ordered(door, said(), f"{version}/models/{name}:generateContent").model == FLASH.model


def test_an_unknown_model_has_googles_sentence(door: Caller) -> None:
    error = refused(door, said(), 404, "/v1beta/models/gemini-1:generateContent")
    assert error["status"] == "NOT_FOUND"
    assert error["message"].startswith("models/gemini-1 is not found for API version v1beta, or is not")


def test_a_model_the_key_may_not_use_is_permission_denied(door: Caller, desk: MemoryDesk) -> None:
    desk.models = (replace(FLASH, allowed=False),)
    assert refused(door, said(), 403)["status"] == "PERMISSION_DENIED"


def test_all_names_of_the_models_are_listed(door: Caller) -> None:
    body = parsed(door.ask("GET", "/v1beta/models"))
    assert [item["name"] for item in body["models"]] == [f"models/{n}" for o in OFFERS for n in o.names]
    assert "nextPageToken" not in body
    first = body["models"][0]
    assert (first["version"], first["inputTokenLimit"]) == ("2.5", 32_768)
    assert first["supportedGenerationMethods"] == ["generateContent", "countTokens"]


def test_the_list_is_read_page_by_page(door: Caller) -> None:
    names, query = [], "pageSize=2"
    for _ in range(3):
        page = parsed(door.ask("GET", "/v1/models", query=query))
        names += [item["name"] for item in page["models"]]
        query = f"pageSize=2&pageToken={page.get('nextPageToken')}"
    assert names == [f"models/{n}" for o in OFFERS for n in o.names]
    assert "nextPageToken" not in page


@pytest.mark.parametrize(
    "query", ["pageSize=x", "pageSize=-1", "pageToken=x", "pageToken=Käse", "pageToken=MA"]
)
def test_a_bad_page_is_a_400(door: Caller, query: str) -> None:
    assert door.ask("GET", "/v1/models", query=query).status == 400


def test_a_model_is_read_by_any_of_its_names(door: Caller, desk: MemoryDesk) -> None:
    item = parsed(door.ask("GET", "/v1beta/models/nano-banana-beta"))
    assert (item["name"], item["baseModelId"]) == ("models/nano-banana-beta", FLASH.model)
    desk.models = (replace(FLASH, allowed=False),)
    assert door.ask("GET", MODEL).status == 404


def test_a_verb_wants_a_post(door: Caller) -> None:
    answer = door.ask("GET", GENERATE)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


def test_tokens_are_counted_here_and_pictures_are_welcome(door: Caller, desk: MemoryDesk) -> None:
    body = shown({"inlineData": {"mimeType": "image/png", "data": PNG}})
    for request in (body, {"generateContentRequest": {"model": "models/x", **body}}):
        assert parsed(door.ask("POST", f"{MODEL}:countTokens", request)) == {
            "totalTokens": 261,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 3},
                {"modality": "IMAGE", "tokenCount": 258},
            ],
        }
    assert desk.orders == []


def test_the_system_instruction_is_counted_too(door: Caller) -> None:
    body = said("abcd", systemInstruction={"parts": [{"text": "abcde"}]})
    assert parsed(door.ask("POST", f"{MODEL}:countTokens", body))["totalTokens"] == 3


def test_tokens_of_two_requests_are_not_counted(door: Caller) -> None:
    error = refused(door, said() | {"generateContentRequest": said()}, path=f"{MODEL}:countTokens")
    assert field_of(error) == "generateContentRequest"


@pytest.mark.parametrize(
    "method, path",
    [
        ("POST", "/v1beta/models/imagen-4:predict"),
        ("POST", f"{MODEL}:batchGenerateContent"),
        ("POST", "/upload/v1beta/files"),
        ("GET", "/v1beta/files"),
        ("DELETE", "/v1beta/files/abc"),
        ("POST", "/v1beta/cachedContents"),
        ("POST", "/v1beta/batches/abc:cancel"),
    ],
)
def test_what_is_not_offered_says_what_is(door: Caller, method: str, path: str) -> None:
    answer = door.ask(method, path, {})
    error = parsed(answer)["error"]
    assert (answer.status, error["code"], error["status"]) == (501, 501, "UNIMPLEMENTED")
    assert "models/{model}:generateContent" in error["message"]


# ---- keys ------------------------------------------------------------------------------------


def request_with(query: str = "", **headers: str) -> Incoming:
    asked = dict(pair.split("=", 1) for pair in query.split("&") if pair)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return Incoming("GET", "/v1beta/models", "", sent, asked, b"")


def test_keys_are_tried_in_their_order() -> None:
    request = request_with("key=c", authorization="Bearer a", x_goog_api_key="b")
    assert GEMINI.keys(request) == ("a", "b", "c")
    assert GEMINI.keys(request_with("key=a", x_goog_api_key="a")) == ("a",)
    assert GEMINI.keys(request_with("key=", x_api_key="x")) == ()


def test_a_proxys_credentials_do_not_hide_the_key() -> None:
    assert GEMINI.keys(request_with("key=c", authorization="Basic cHJveHk6eA==")) == ("c",)
    with pytest.raises(Problem) as caught:
        GEMINI.keys(request_with(authorization="Basic cHJveHk6eA=="))
    assert caught.value.kind is Kind.AUTH_INVALID


@pytest.mark.parametrize("kind", [Kind.AUTH_INVALID, Kind.KEY_DISABLED, Kind.KEY_EXPIRED])
@pytest.mark.parametrize(
    "request_, status, word",
    [
        (request_with(x_goog_api_key="b"), 400, "INVALID_ARGUMENT"),
        (request_with("key=c"), 400, "INVALID_ARGUMENT"),
        (request_with("key=c", authorization="Basic cHJveHk6eA=="), 400, "INVALID_ARGUMENT"),
        (request_with(authorization="Bearer a"), 401, "UNAUTHENTICATED"),
        (request_with("key=c", authorization="Bearer a"), 401, "UNAUTHENTICATED"),
        (request_with(authorization="Bearer"), 401, "UNAUTHENTICATED"),
    ],
)
def test_a_refused_key_is_worded_by_where_it_stood(
    kind: Kind, request_: Incoming, status: int, word: str
) -> None:
    error = parsed(GEMINI.word(Problem(kind, "Refused."), request_))["error"]
    assert (error["code"], error["status"]) == (status, word)
    reasons = [detail["reason"] for detail in error.get("details", [])]
    assert reasons == (["API_KEY_INVALID"] if status == 400 else [])


def test_a_key_in_the_query_is_never_repeated() -> None:
    request = request_with("key=easel_live_secret")
    for kind in Kind:
        assert b"secret" not in GEMINI.word(Problem(kind, "What happened."), request).content()


def test_without_a_key_only_the_models_are_open() -> None:
    open_paths = {route.path for route in GEMINI.routes() if route.open}
    assert open_paths == {
        f"/{version}/models{rest}" for version in ("v1beta", "v1", "v1alpha") for rest in ("", "/{model*}")
    }
    error = parsed(GEMINI.word(Problem(Kind.AUTH_MISSING, "None."), request_with()))["error"]
    assert (error["code"], error["status"]) == (403, "PERMISSION_DENIED")


def test_only_generating_submits_and_needs_the_scope_for_it() -> None:
    paid = {route.path.rpartition(":")[2] for route in GEMINI.routes() if route.submits}
    assert paid == {"generateContent", "streamGenerateContent"}
    assert all(route.scope == "images:create" for route in GEMINI.routes() if route.submits)


def test_a_rate_limit_carries_retry_info() -> None:
    answer = GEMINI.word(Problem(Kind.RATE_LIMITED, "Too fast.", retry_after=30), request_with())
    assert parsed(answer)["error"] == {
        "code": 429,
        "message": "Too fast.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "30s"}],
    }
