"""EvoLink's error envelope: status, code and type of every kind of error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from generations.dialect import Answer, Incoming
from generations.dialects.evolink import file_errors
from generations.errors import Problem
from generations.spec import Kind
from generations.wording import allow_headers, credits, json_number, retry_headers, shortage

INVALID = "invalid_request_error"

ERRORS: Mapping[Kind, tuple[int, str, str]] = {
    Kind.BAD_REQUEST: (400, "invalid_request", INVALID),
    Kind.AUTH_MISSING: (401, "unauthorized", "authentication_error"),
    Kind.AUTH_INVALID: (401, "unauthorized", "authentication_error"),
    Kind.KEY_DISABLED: (401, "key_disabled", "authentication_error"),
    Kind.KEY_EXPIRED: (401, "key_expired", "authentication_error"),
    Kind.IP_NOT_ALLOWED: (403, "permission_denied", INVALID),
    Kind.ORGANIZATION_SUSPENDED: (403, "user_disabled", INVALID),
    Kind.NO_CREDIT: (402, "insufficient_quota", "insufficient_quota"),
    Kind.BUDGET_EXCEEDED: (402, "insufficient_token_quota", "insufficient_quota"),
    Kind.FORBIDDEN_MODEL: (403, "model_access_denied", INVALID),
    Kind.FORBIDDEN: (403, "permission_denied", INVALID),
    Kind.UNKNOWN_MODEL: (404, "model_not_found", INVALID),
    Kind.NOT_FOUND: (404, "not_found", INVALID),
    Kind.GONE: (410, "resource_expired", INVALID),
    Kind.METHOD_NOT_ALLOWED: (405, "method_not_allowed", INVALID),
    Kind.NOT_CANCELLABLE: (409, "task_not_cancellable", INVALID),
    Kind.IDEMPOTENCY_CONFLICT: (409, "idempotency_conflict", INVALID),
    Kind.TOO_LARGE: (413, "request_too_large", "request_too_large_error"),
    Kind.UNSUPPORTED_MEDIA: (415, "unsupported_media_type", INVALID),
    Kind.RATE_LIMITED: (429, "rate_limit_exceeded", "rate_limit_error"),
    Kind.CONTENT_BLOCKED: (400, "content_policy_violation", INVALID),
    Kind.NO_IMAGE: (500, "generation_failed_no_content", "api_error"),
    Kind.UPSTREAM_ERROR: (502, "upstream_error", "upstream_error"),
    Kind.UPSTREAM_TIMEOUT: (504, "generation_timeout", "upstream_error"),
    Kind.OVERLOADED: (503, "service_unavailable", "service_unavailable_error"),
    Kind.MISCONFIGURED: (503, "service_unavailable", "service_unavailable_error"),
    Kind.DEADLINE: (504, "generation_timeout", "api_error"),
    Kind.WORKER_LOST: (500, "internal_error", "api_error"),
    Kind.INTERNAL: (500, "internal_error", "api_error"),
    Kind.CANCELLED: (409, "request_cancelled", INVALID),
}

TASK_ROUTE_CODES = {Kind.NOT_FOUND: "task_not_found", Kind.NO_CREDIT: "quota_exceeded"}

MESSAGES = {
    Kind.AUTH_MISSING: "Authentication required",
    Kind.AUTH_INVALID: "Invalid or expired token",
}


def word(problem: Problem, request: Incoming) -> Answer:
    """The problem in the envelope; `param` and the 402's amounts only where they are known. The files
    API has an envelope of its own."""
    status, code, type_ = ERRORS[problem.kind]
    if file_errors.concerns(request):
        return file_errors.word_file(problem, status)
    error: dict[str, Any] = {
        "code": _special_code(problem, request) or code,
        "message": _message(problem),
        "type": type_,
    }
    if problem.param:
        error["param"] = problem.param
    headers = retry_headers(problem) | allow_headers(problem)
    return Answer(status, {"error": error | _money_facts(problem)}, headers)


def _special_code(problem: Problem, request: Incoming) -> str | None:
    """The code where the kind alone does not decide it: the handler's, the budget's, the task route's."""
    if problem.facts.get("code"):
        return str(problem.facts["code"])
    if problem.kind is Kind.BUDGET_EXCEEDED:
        return _budget_code(problem)
    return TASK_ROUTE_CODES.get(problem.kind) if request.path.startswith("/v1/tasks/") else None


def _message(problem: Problem) -> str:
    if problem.kind is Kind.NO_CREDIT and shortage(problem):
        return f"Insufficient credits. {shortage(problem)}"
    return MESSAGES.get(problem.kind) or problem.message


def _budget_code(problem: Problem) -> str | None:
    """EvoLink tells the account, a key's limit and a key's daily limit apart."""
    if problem.facts.get("owner") == "organization":
        return "insufficient_quota"
    return "token_daily_quota_exceeded" if problem.facts.get("period") == "day" else None


def _money_facts(problem: Problem) -> dict[str, Any]:
    """EvoLink's optional members of a 402, in credits."""
    members: dict[str, Any] = {}
    rate = problem.facts.get("credits_per_dollar")
    for fact, member in (("needed", "estimated_credits"), ("balance", "account_balance_credits")):
        if rate and fact in problem.facts:
            members[member] = json_number(credits(problem.facts[fact], rate))
    if problem.facts.get("topup_url"):
        members["action_url"] = problem.facts["topup_url"]
    return members
