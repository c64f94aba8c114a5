"""GMI Cloud's errors: a status, and a body that is one sentence, `{"error": "..."}`."""

from __future__ import annotations

from collections.abc import Mapping

from generations.dialect import Answer, Incoming
from generations.errors import Problem
from generations.spec import Kind
from generations.wording import allow_headers, naming, retry_headers, shortage

STATUSES: Mapping[Kind, int] = {
    Kind.BAD_REQUEST: 400,
    Kind.AUTH_MISSING: 401,
    Kind.AUTH_INVALID: 401,
    Kind.KEY_DISABLED: 401,
    Kind.KEY_EXPIRED: 401,
    Kind.IP_NOT_ALLOWED: 403,
    Kind.ORGANIZATION_SUSPENDED: 403,
    Kind.NO_CREDIT: 402,
    Kind.BUDGET_EXCEEDED: 402,
    Kind.FORBIDDEN_MODEL: 404,  # the vendor does not tell "unknown" from "not yours"
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

MESSAGES = {
    Kind.AUTH_INVALID: "Invalid API key",
    Kind.TOO_LARGE: "Request body too large",
    Kind.CONTENT_BLOCKED: "Generation rejected; please review the prompt and parameters",
}
NO_CREDITS = "Insufficient credits. Please add more credits to your account."
TOO_FAST = "Rate limit exceeded"


def word(problem: Problem, request: Incoming) -> Answer:
    """The problem as a sentence. It names the field: the envelope has no member for it."""
    headers = retry_headers(problem) | allow_headers(problem)
    return Answer(STATUSES[problem.kind], {"error": _message(problem)}, headers)


def _message(problem: Problem) -> str:
    """The vendor's sentence where he has one, unless a field is to be named; what is particular comes
    after it."""
    if problem.kind is Kind.NO_CREDIT:
        return f"{NO_CREDITS} {shortage(problem)}".rstrip()
    if problem.kind is Kind.RATE_LIMITED and not problem.message.startswith(TOO_FAST):
        return f"{TOO_FAST}. {problem.message}"
    vendors = MESSAGES.get(problem.kind)
    return vendors if vendors and not problem.param else naming(problem)
