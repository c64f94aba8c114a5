"""Every kind of error is worded by every dialect, and the shared pieces are exact."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from generations.dialect import Answer, Dialect, Incoming, read_json
from generations.dialects import DIALECTS
from generations.dialects.evolink.task import task_body
from generations.dialects.gemini import Gemini
from generations.dialects.gmi import Gmi
from generations.dialects.toapis import ToApis
from generations.errors import Problem
from generations.spec import Kind, Order, State
from generations.wording import (
    bearer,
    credits,
    decimal_text,
    dollars,
    exact_size,
    json_number,
    nearest_ratio,
    nearest_resolution,
    nearest_size,
    one_key,
    shortage,
)
from tests.dialects.desk import FLASH, PRO, SMALL, parsed, report

REQUEST = Incoming("POST", "/v1/images/generations", "https://easel.example/door", {}, {}, b"")

# status and code per kind: evolink, then openai
TABLE = {
    Kind.BAD_REQUEST: ((400, "invalid_request"), (400, None)),
    Kind.AUTH_MISSING: ((401, "unauthorized"), (401, "invalid_api_key")),
    Kind.AUTH_INVALID: ((401, "unauthorized"), (401, "invalid_api_key")),
    Kind.KEY_DISABLED: ((401, "key_disabled"), (401, "invalid_api_key")),
    Kind.KEY_EXPIRED: ((401, "key_expired"), (401, "invalid_api_key")),
    Kind.IP_NOT_ALLOWED: ((403, "permission_denied"), (403, "permission_denied")),
    Kind.ORGANIZATION_SUSPENDED: ((403, "user_disabled"), (403, "permission_denied")),
    Kind.NO_CREDIT: ((402, "insufficient_quota"), (402, "billing_error")),
    Kind.BUDGET_EXCEEDED: ((402, "insufficient_token_quota"), (402, "billing_error")),
    Kind.FORBIDDEN_MODEL: ((403, "model_access_denied"), (403, "permission_denied")),
    Kind.FORBIDDEN: ((403, "permission_denied"), (403, "permission_denied")),
    Kind.UNKNOWN_MODEL: ((404, "model_not_found"), (404, "model_not_found")),
    Kind.NOT_FOUND: ((404, "not_found"), (404, "not_found")),
    Kind.GONE: ((410, "resource_expired"), (410, "gone")),
    Kind.METHOD_NOT_ALLOWED: ((405, "method_not_allowed"), (405, "method_not_allowed")),
    Kind.NOT_CANCELLABLE: ((409, "task_not_cancellable"), (409, "not_cancellable")),
    Kind.IDEMPOTENCY_CONFLICT: ((409, "idempotency_conflict"), (422, "idempotency_conflict")),
    Kind.TOO_LARGE: ((413, "request_too_large"), (413, "request_too_large")),
    Kind.UNSUPPORTED_MEDIA: ((415, "unsupported_media_type"), (415, "unsupported_media_type")),
    Kind.RATE_LIMITED: ((429, "rate_limit_exceeded"), (429, "rate_limit_exceeded")),
    Kind.CONTENT_BLOCKED: ((400, "content_policy_violation"), (400, "moderation_blocked")),
    Kind.NO_IMAGE: ((500, "generation_failed_no_content"), (500, None)),
    Kind.UPSTREAM_ERROR: ((502, "upstream_error"), (502, "all_providers_failed")),
    Kind.UPSTREAM_TIMEOUT: ((504, "generation_timeout"), (504, "timeout")),
    Kind.OVERLOADED: ((503, "service_unavailable"), (529, "overloaded")),
    Kind.MISCONFIGURED: ((503, "service_unavailable"), (503, None)),
    Kind.DEADLINE: ((504, "generation_timeout"), (504, "timeout")),
    Kind.WORKER_LOST: ((500, "internal_error"), (500, None)),
    Kind.INTERNAL: ((500, "internal_error"), (500, None)),
    Kind.CANCELLED: ((409, "request_cancelled"), (499, "request_cancelled")),
}
TOAPIS: dict[Kind, tuple[int, int | str]] = {
    Kind.BAD_REQUEST: (400, "invalid_request"),
    Kind.AUTH_MISSING: (401, 401),
    Kind.AUTH_INVALID: (401, 401),
    Kind.KEY_DISABLED: (401, 401),
    Kind.KEY_EXPIRED: (401, 401),
    Kind.IP_NOT_ALLOWED: (403, "permission_denied"),
    Kind.ORGANIZATION_SUSPENDED: (403, "permission_denied"),
    Kind.NO_CREDIT: (402, "insufficient_quota"),
    Kind.BUDGET_EXCEEDED: (402, "insufficient_quota"),
    Kind.FORBIDDEN_MODEL: (403, "permission_denied"),
    Kind.FORBIDDEN: (403, "permission_denied"),
    Kind.UNKNOWN_MODEL: (400, "invalid_request"),
    Kind.NOT_FOUND: (404, 404),
    Kind.GONE: (410, "gone"),
    Kind.METHOD_NOT_ALLOWED: (405, "method_not_allowed"),
    Kind.NOT_CANCELLABLE: (409, "task_not_cancellable"),
    Kind.IDEMPOTENCY_CONFLICT: (422, "idempotency_conflict"),
    Kind.TOO_LARGE: (413, 413),
    Kind.UNSUPPORTED_MEDIA: (415, "unsupported_media_type"),
    Kind.RATE_LIMITED: (429, 429),
    Kind.CONTENT_BLOCKED: (422, "content_policy_violation"),
    Kind.NO_IMAGE: (500, "generation_failed"),
    Kind.UPSTREAM_ERROR: (502, "upstream_error"),
    Kind.UPSTREAM_TIMEOUT: (504, "timeout"),
    Kind.OVERLOADED: (503, "service_unavailable"),
    Kind.MISCONFIGURED: (503, "service_unavailable"),
    Kind.DEADLINE: (504, "timeout"),
    Kind.WORKER_LOST: (500, "internal_error"),
    Kind.INTERNAL: (500, "internal_error"),
    Kind.CANCELLED: (409, "cancelled"),
}
# gmi has statuses and sentences, no codes
GMI = {
    Kind.BAD_REQUEST: 400,
    Kind.AUTH_MISSING: 401,
    Kind.AUTH_INVALID: 401,
    Kind.KEY_DISABLED: 401,
    Kind.KEY_EXPIRED: 401,
    Kind.IP_NOT_ALLOWED: 403,
    Kind.ORGANIZATION_SUSPENDED: 403,
    Kind.NO_CREDIT: 402,
    Kind.BUDGET_EXCEEDED: 402,
    Kind.FORBIDDEN_MODEL: 404,
    Kind.FORBIDDEN: 403,
    Kind.UNKNOWN_MODEL: 404,
    Kind.NOT_FOUND: 404,
    Kind.GONE: 410,
    Kind.METHOD_NOT_ALLOWED: 405,
    Kind.NOT_CANCELLABLE: 409,
    Kind.IDEMPOTENCY_CONFLICT: 422,
    Kind.TOO_LARGE: 413,
    Kind.UNSUPPORTED_MEDIA: 415,
    Kind.RATE_LIMITED: 429,
    Kind.CONTENT_BLOCKED: 400,
    Kind.NO_IMAGE: 500,
    Kind.UPSTREAM_ERROR: 502,
    Kind.UPSTREAM_TIMEOUT: 504,
    Kind.OVERLOADED: 503,
    Kind.MISCONFIGURED: 503,
    Kind.DEADLINE: 504,
    Kind.WORKER_LOST: 500,
    Kind.INTERNAL: 500,
    Kind.CANCELLED: 409,
}
# gemini's code is the status; its word for it is one of Google's
GEMINI = {
    Kind.BAD_REQUEST: (400, "INVALID_ARGUMENT"),
    Kind.AUTH_MISSING: (403, "PERMISSION_DENIED"),
    Kind.AUTH_INVALID: (401, "UNAUTHENTICATED"),
    Kind.KEY_DISABLED: (401, "UNAUTHENTICATED"),
    Kind.KEY_EXPIRED: (401, "UNAUTHENTICATED"),
    Kind.IP_NOT_ALLOWED: (403, "PERMISSION_DENIED"),
    Kind.ORGANIZATION_SUSPENDED: (403, "PERMISSION_DENIED"),
    Kind.NO_CREDIT: (402, "RESOURCE_EXHAUSTED"),
    Kind.BUDGET_EXCEEDED: (402, "RESOURCE_EXHAUSTED"),
    Kind.FORBIDDEN_MODEL: (403, "PERMISSION_DENIED"),
    Kind.FORBIDDEN: (403, "PERMISSION_DENIED"),
    Kind.UNKNOWN_MODEL: (404, "NOT_FOUND"),
    Kind.NOT_FOUND: (404, "NOT_FOUND"),
    Kind.GONE: (410, "NOT_FOUND"),
    Kind.METHOD_NOT_ALLOWED: (405, "UNIMPLEMENTED"),
    Kind.NOT_CANCELLABLE: (409, "FAILED_PRECONDITION"),
    Kind.IDEMPOTENCY_CONFLICT: (422, "FAILED_PRECONDITION"),
    Kind.TOO_LARGE: (413, "INVALID_ARGUMENT"),
    Kind.UNSUPPORTED_MEDIA: (415, "INVALID_ARGUMENT"),
    Kind.RATE_LIMITED: (429, "RESOURCE_EXHAUSTED"),
    Kind.CONTENT_BLOCKED: (400, "INVALID_ARGUMENT"),
    Kind.NO_IMAGE: (500, "INTERNAL"),
    Kind.UPSTREAM_ERROR: (503, "UNAVAILABLE"),
    Kind.UPSTREAM_TIMEOUT: (504, "DEADLINE_EXCEEDED"),
    Kind.OVERLOADED: (503, "UNAVAILABLE"),
    Kind.MISCONFIGURED: (503, "UNAVAILABLE"),
    Kind.DEADLINE: (504, "DEADLINE_EXCEEDED"),
    Kind.WORKER_LOST: (500, "INTERNAL"),
    Kind.INTERNAL: (500, "INTERNAL"),
    Kind.CANCELLED: (499, "CANCELLED"),
}
EXPECTED: dict[str, dict[Kind, tuple[int, Any]]] = {
    "evolink": {kind: row[0] for kind, row in TABLE.items()},
    "openai": {kind: row[1] for kind, row in TABLE.items()},
    "toapis": dict(TOAPIS),
    "gmi": {kind: (status, None) for kind, status in GMI.items()},
    "gemini": {kind: (status, status) for kind, (status, _) in GEMINI.items()},
}
DOORS: dict[str, Dialect] = {"toapis": ToApis(), "gmi": Gmi(), "gemini": Gemini(), **DIALECTS}
EACH = pytest.mark.parametrize("dialect", DOORS.values(), ids=DOORS.keys())


def message_of(answer: Answer) -> str:
    """The sentence for people: a member of the error, or all of it."""
    error = parsed(answer)["error"]
    return str(error["message"] if isinstance(error, dict) else error)


@EACH
def test_the_tables_name_every_kind(dialect: Dialect) -> None:
    assert set(EXPECTED[dialect.name]) == set(Kind)


@EACH
@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_worded_by_every_dialect(dialect: Dialect, kind: Kind) -> None:
    answer = dialect.word(Problem(kind, "What happened."), REQUEST)
    error = parsed(answer)["error"]
    code = error["code"] if isinstance(error, dict) else None
    assert (answer.status, code) == EXPECTED[dialect.name][kind]
    assert message_of(answer).strip()


@pytest.mark.parametrize("kind", Kind)
def test_every_error_has_a_type_but_at_gmi(kind: Kind) -> None:
    for name in DOORS.keys() & {"evolink", "openai", "toapis"}:
        assert parsed(DOORS[name].word(Problem(kind, "x"), REQUEST))["error"]["type"]


def test_the_envelopes_have_their_documented_members() -> None:
    for kind in Kind:
        problem = Problem(kind, "x", param="n")
        assert list(parsed(DOORS["toapis"].word(problem, REQUEST))["error"]) == ["code", "message", "type"]
        body = parsed(DOORS["gmi"].word(problem, REQUEST))
        assert list(body) == ["error"]
        assert isinstance(body["error"], str)


@pytest.mark.parametrize("kind", Kind)
def test_googles_envelope_has_a_word_for_each_status(kind: Kind) -> None:
    error = parsed(DOORS["gemini"].word(Problem(kind, "x"), REQUEST))["error"]
    assert list(error)[:3] == ["code", "message", "status"]
    assert (error["code"], error["status"]) == GEMINI[kind]


def test_the_openai_envelope_always_has_its_four_members() -> None:
    for kind in Kind:
        answer = DIALECTS["openai"].word(Problem(kind, "x", param="n"), REQUEST)
        assert list(parsed(answer)["error"]) == ["message", "type", "param", "code"]


@EACH
def test_a_rate_limit_always_says_when_to_try_again(dialect: Dialect) -> None:
    named = dialect.word(Problem(Kind.RATE_LIMITED, "Too fast.", retry_after=12), REQUEST)
    silent = dialect.word(Problem(Kind.RATE_LIMITED, "Too fast."), REQUEST)
    assert (named.headers["Retry-After"], silent.headers["Retry-After"]) == ("12", "1")


@EACH
def test_a_wrong_method_names_the_right_ones(dialect: Dialect) -> None:
    problem = Problem(Kind.METHOD_NOT_ALLOWED, "Not here.", allowed=["GET", "POST"])
    assert dialect.word(problem, REQUEST).headers["Allow"] == "GET, POST"


@EACH
def test_a_402_states_need_balance_and_where_to_top_up(dialect: Dialect) -> None:
    facts: dict[str, Any] = {
        "needed": 38_700_000,
        "balance": 10_000_000,
        "topup_url": "https://easel.example/billing",
    }
    message = message_of(dialect.word(Problem(Kind.NO_CREDIT, "No.", **facts), REQUEST))
    assert "$0.0387" in message
    assert "$0.01" in message
    assert message.endswith("https://easel.example/billing")


@pytest.mark.parametrize("kind", Kind)
def test_a_failed_task_has_a_documented_code_for_every_kind(kind: Kind) -> None:
    order = Order(model=FLASH.model, asked=FLASH.model, prompt="x")
    body = task_body(report(order, state=State.FAILED, kind=kind))
    assert body["error"]["type"] == "task_error"
    assert body["error"]["code"] in {
        "content_policy_violation",
        "invalid_parameters",
        "request_cancelled",
        "generation_failed_no_content",
        "service_error",
        "generation_timeout",
        "resource_exhausted",
        "quota_exceeded",
        "service_unavailable",
        "resource_not_found",
        "unknown_error",
    }


# ---- keys ------------------------------------------------------------------------------------


def request_with(**headers: str) -> Incoming:
    return Incoming("GET", "/v1/models", "", {k.replace("_", "-"): v for k, v in headers.items()}, {}, b"")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_bearer_scheme_has_no_case(scheme: str) -> None:
    assert bearer(request_with(authorization=f"{scheme} easel_test_1")) == "easel_test_1"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "easel_test_1"])
def test_another_authorization_is_refused(header: str) -> None:
    with pytest.raises(Problem) as caught:
        bearer(request_with(authorization=header))
    assert caught.value.kind is Kind.AUTH_INVALID


def test_the_same_key_twice_is_one_and_two_keys_are_a_400() -> None:
    assert one_key(["a", None, "a"]) == ("a",)
    assert one_key([None]) == ()
    with pytest.raises(Problem) as caught:
        one_key(["a", "b"])
    assert caught.value.kind is Kind.BAD_REQUEST


def test_only_openai_takes_an_x_api_key() -> None:
    request = request_with(x_api_key="easel_test_1")
    assert DIALECTS["openai"].keys(request) == ("easel_test_1",)
    assert DIALECTS["evolink"].keys(request) == ()


def test_openai_prefers_neither_of_two_different_keys() -> None:
    request = request_with(x_api_key="a", authorization="Bearer b")
    with pytest.raises(Problem) as caught:
        DIALECTS["openai"].keys(request)
    assert caught.value.kind is Kind.BAD_REQUEST


def test_openai_reads_x_api_key_past_a_proxys_own_credentials() -> None:
    request = request_with(x_api_key="easel_test_1", authorization="Basic cHJveHk6eA==")
    assert DIALECTS["openai"].keys(request) == ("easel_test_1",)


# ---- money -----------------------------------------------------------------------------------


def test_money_prints_without_float_noise() -> None:
    assert json_number(credits(38_700_000, 68)) == 2.6316
    assert json_number(credits(38_700_000, 68) / 10) == 0.26316
    assert repr(json_number(dollars(38_700_000))) == "0.0387"
    assert repr(json_number(dollars(3 * 38_700_000))) == "0.1161"


@pytest.mark.parametrize(
    "nano, number", [(0, "0"), (1_000_000_000, "1"), (500, "1e-06"), (499, "0"), (1_500, "2e-06")]
)
def test_money_is_rounded_half_up_and_whole_amounts_are_integers(nano: int, number: str) -> None:
    assert repr(json_number(dollars(nano))) == number


def test_decimal_strings_have_no_exponent_and_no_trailing_zeros() -> None:
    assert decimal_text(dollars(30_000)) == "0.00003"
    assert decimal_text(Decimal(100)) == "100"
    assert decimal_text(Decimal(0)) == "0"


def test_a_shortage_without_facts_says_nothing() -> None:
    assert shortage(Problem(Kind.NO_CREDIT, "No.")) == ""


# ---- shapes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "width, height, ratio",
    [(7, 4, "16:9"), (4, 7, "9:16"), (1, 1, "1:1"), (9999, 1, "21:9"), (10, 16, "2:3")],
)
def test_the_numerically_nearest_ratio(width: int, height: int, ratio: str) -> None:
    assert nearest_ratio(FLASH, width, height) == ratio


def test_every_cell_of_a_model_is_found_by_its_own_pixels() -> None:
    for offer in (FLASH, PRO, SMALL):
        assert [exact_size(offer, c.width, c.height) for c in offer.sizes] == list(offer.sizes)


def test_the_nearest_cell_counts_pixels_by_proportion() -> None:
    assert nearest_size(PRO, "1:1", 1500, 1500).resolution == "2K"
    assert nearest_size(PRO, "1:1", 1400, 1400).resolution == "1K"
    assert nearest_size(PRO, "16:9", 9999, 9999).resolution == "4K"


def test_the_nearest_resolution() -> None:
    assert nearest_resolution(FLASH, "4K") == "1K"
    assert nearest_resolution(SMALL, "0.5K") == "512"
    assert nearest_resolution(PRO, "0.5K") == "1K"
    assert nearest_resolution(PRO, "8K") is None


# ---- JSON ------------------------------------------------------------------------------------

BAD_BODIES = {
    "empty": b"",
    "half": b'{"prompt": "x"',
    "not a number": b'{"n": NaN}',
    "infinity": b'{"n": -Infinity}',
    "overflow": b'{"n": 1e999}',
    "digits": b'{"n": ' + b"9" * 100_000 + b"}",
    "deep arrays": b"[" * 100_000,
    "deep closed arrays": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "33 levels": b"[" * 33 + b"]" * 33,
    "duplicate keys": b'{"prompt": "a", "prompt": "b"}',
    "nested duplicate keys": b'{"a": [{"b": 1, "b": 1}]}',
    "a million keys": b"{" + b",".join(b'"%d":1' % i for i in range(10**6)) + b"}",
    "lone surrogate": rb'{"prompt": "\ud800"}',
    "encoded surrogate": b'{"prompt": "\xed\xa0\x80"}',
    "NUL": rb'{"prompt": "\u0000"}',
    "NUL in a key": rb'{"\u0000": 1}',
    "UTF-16": '{"prompt": "x"}'.encode("utf-16"),
    "Latin-1": '{"prompt": "é"}'.encode("latin-1"),
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_what_a_strict_reader_refuses(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read_json(Incoming("POST", "/", "", {}, {}, body))
    assert caught.value.kind is Kind.BAD_REQUEST


def test_32_levels_and_every_honest_value_pass() -> None:
    value = read_json(
        Incoming("POST", "/", "", {}, {}, b"[" * 32 + b'"\\ud83d\\ude00", 1.5, null' + b"]" * 32)
    )
    for _ in range(32):
        inner, value = value, value[0]
    assert inner == ["\N{GRINNING FACE}", 1.5, None]
