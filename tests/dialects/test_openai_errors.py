"""Every kind of problem, worded at OpenAI's door and raised by OpenAI's own client (DL10)."""

from __future__ import annotations

from uuid import UUID

import httpx2
import openai
import pytest

from generations.dialect import Incoming
from generations.errors import Problem
from generations.spec import Kind
from tests.dialects.openai_caller import DOOR, GENERATE

GENERATION = UUID("019aa1b2-c3d4-7abc-8def-0123456789ab")
STATUS_ONLY = openai.APIStatusError  # the client has no class of its own for these statuses
CLASSES: dict[Kind, tuple[type[openai.APIStatusError], int, str | None]] = {
    Kind.BAD_REQUEST: (openai.BadRequestError, 400, None),
    Kind.AUTH_MISSING: (openai.AuthenticationError, 401, "invalid_api_key"),
    Kind.AUTH_INVALID: (openai.AuthenticationError, 401, "invalid_api_key"),
    Kind.KEY_DISABLED: (openai.AuthenticationError, 401, "invalid_api_key"),
    Kind.KEY_EXPIRED: (openai.AuthenticationError, 401, "invalid_api_key"),
    Kind.IP_NOT_ALLOWED: (openai.PermissionDeniedError, 403, "permission_denied"),
    Kind.ORGANIZATION_SUSPENDED: (openai.PermissionDeniedError, 403, "permission_denied"),
    Kind.NO_CREDIT: (STATUS_ONLY, 402, "billing_error"),
    Kind.BUDGET_EXCEEDED: (STATUS_ONLY, 402, "billing_error"),
    Kind.FORBIDDEN_MODEL: (openai.PermissionDeniedError, 403, "permission_denied"),
    Kind.FORBIDDEN: (openai.PermissionDeniedError, 403, "permission_denied"),
    Kind.UNKNOWN_MODEL: (openai.NotFoundError, 404, "model_not_found"),
    Kind.NOT_FOUND: (openai.NotFoundError, 404, "not_found"),
    Kind.GONE: (STATUS_ONLY, 410, "gone"),
    Kind.METHOD_NOT_ALLOWED: (STATUS_ONLY, 405, "method_not_allowed"),
    Kind.NOT_CANCELLABLE: (openai.ConflictError, 409, "not_cancellable"),
    Kind.IDEMPOTENCY_CONFLICT: (openai.UnprocessableEntityError, 422, "idempotency_conflict"),
    Kind.TOO_LARGE: (STATUS_ONLY, 413, "request_too_large"),
    Kind.UNSUPPORTED_MEDIA: (STATUS_ONLY, 415, "unsupported_media_type"),
    Kind.RATE_LIMITED: (openai.RateLimitError, 429, "rate_limit_exceeded"),
    Kind.CONTENT_BLOCKED: (openai.BadRequestError, 400, "moderation_blocked"),
    Kind.NO_IMAGE: (openai.InternalServerError, 500, None),
    Kind.UPSTREAM_ERROR: (openai.InternalServerError, 502, "all_providers_failed"),
    Kind.UPSTREAM_TIMEOUT: (openai.InternalServerError, 504, "timeout"),
    Kind.OVERLOADED: (openai.InternalServerError, 529, "overloaded"),
    Kind.MISCONFIGURED: (openai.InternalServerError, 503, None),
    Kind.DEADLINE: (openai.InternalServerError, 504, "timeout"),
    Kind.WORKER_LOST: (openai.InternalServerError, 500, None),
    Kind.INTERNAL: (openai.InternalServerError, 500, None),
    Kind.CANCELLED: (STATUS_ONLY, 499, "request_cancelled"),
}


def client(problem: Problem) -> openai.OpenAI:
    """OpenAI's client, at a door that answers with this problem."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        sent = Incoming("POST", GENERATE, "https://easel.example/openai", headers, {}, b"")
        worded = DOOR.word(problem, sent)
        return httpx2.Response(worded.status, content=worded.content(), headers=worded.headers)

    wire = httpx2.Client(transport=httpx2.MockTransport(answer))
    base = "https://easel.example/openai/v1"
    return openai.OpenAI(base_url=base, api_key="easel_test_1", http_client=wire, max_retries=0)


def test_no_kind_is_left_out() -> None:
    assert set(CLASSES) == set(Kind)


@pytest.mark.parametrize("kind", Kind)
def test_a_kind_is_raised_as_its_class_with_its_code(kind: Kind) -> None:
    class_, status, code = CLASSES[kind]
    with pytest.raises(class_) as raised:
        client(Problem(kind, "It went wrong.", param="n")).images.generate(prompt="x")
    error = raised.value
    assert (type(error), error.status_code, error.code, error.param) == (class_, status, code, "n")
    assert error.type
    assert error.message


def test_no_credit_says_what_is_missing_and_where_to_get_it() -> None:
    facts = {"needed": 38_700_000, "balance": 1_000_000, "topup_url": "https://easel.example/billing"}
    with pytest.raises(openai.APIStatusError) as raised:
        client(Problem(Kind.NO_CREDIT, "No credit.", **facts)).images.generate(prompt="x")
    assert "needs $0.0387, the balance is $0.001" in raised.value.message
    assert "https://easel.example/billing" in raised.value.message


def test_a_deadline_names_the_address_of_the_image() -> None:
    with pytest.raises(openai.InternalServerError) as raised:
        client(Problem(Kind.DEADLINE, "Not ready.", generation=GENERATION)).images.generate(prompt="x")
    assert f"https://easel.example/openai/v1/generations/{GENERATION}" in raised.value.message
