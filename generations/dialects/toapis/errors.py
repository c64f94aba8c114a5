"""ToAPIs' error envelopes: status, code and type of every kind of error.

Uploads and balances have an envelope of their own, `{"success": false, "message": ...}`.
"""

from __future__ import annotations

from collections.abc import Mapping

from generations.dialect import Answer, Incoming
from generations.errors import Problem
from generations.spec import Kind
from generations.wording import allow_headers, naming, retry_headers, shortage

INVALID = "invalid_request_error"
DENIED = "permission_error"
BROKEN = "internal_server_error"

# The codes that the vendor's examples show as numbers are numbers here, the others words.
ERRORS: Mapping[Kind, tuple[int, int | str, str]] = {
    Kind.BAD_REQUEST: (400, "invalid_request", INVALID),
    Kind.AUTH_MISSING: (401, 401, "authentication_error"),
    Kind.AUTH_INVALID: (401, 401, "authentication_error"),
    Kind.KEY_DISABLED: (401, 401, "authentication_error"),
    Kind.KEY_EXPIRED: (401, 401, "authentication_error"),
    Kind.IP_NOT_ALLOWED: (403, "permission_denied", DENIED),
    Kind.ORGANIZATION_SUSPENDED: (403, "permission_denied", DENIED),
    Kind.NO_CREDIT: (402, "insufficient_quota", "insufficient_quota"),
    Kind.BUDGET_EXCEEDED: (402, "insufficient_quota", "insufficient_quota"),
    Kind.FORBIDDEN_MODEL: (403, "permission_denied", DENIED),
    Kind.FORBIDDEN: (403, "permission_denied", DENIED),
    Kind.UNKNOWN_MODEL: (400, "invalid_request", INVALID),
    Kind.NOT_FOUND: (404, 404, "not_found_error"),
    Kind.GONE: (410, "gone", "not_found_error"),
    Kind.METHOD_NOT_ALLOWED: (405, "method_not_allowed", INVALID),
    Kind.NOT_CANCELLABLE: (409, "task_not_cancellable", INVALID),
    Kind.IDEMPOTENCY_CONFLICT: (422, "idempotency_conflict", INVALID),
    Kind.TOO_LARGE: (413, 413, "request_too_large_error"),
    Kind.UNSUPPORTED_MEDIA: (415, "unsupported_media_type", INVALID),
    Kind.RATE_LIMITED: (429, 429, "rate_limit_error"),
    Kind.CONTENT_BLOCKED: (422, "content_policy_violation", INVALID),
    Kind.NO_IMAGE: (500, "generation_failed", BROKEN),
    Kind.UPSTREAM_ERROR: (502, "upstream_error", BROKEN),
    Kind.UPSTREAM_TIMEOUT: (504, "timeout", BROKEN),
    Kind.OVERLOADED: (503, "service_unavailable", BROKEN),
    Kind.MISCONFIGURED: (503, "service_unavailable", BROKEN),
    Kind.DEADLINE: (504, "timeout", BROKEN),
    Kind.WORKER_LOST: (500, "internal_error", BROKEN),
    Kind.INTERNAL: (500, "internal_error", BROKEN),
    Kind.CANCELLED: (409, "cancelled", INVALID),
}

BAD_KEY = "Authentication failed, please check your API key"
TOO_FAST = "Too many requests, please try again later"
NO_QUOTA = "Insufficient quota"

OF_THE_FILE = (Kind.BAD_REQUEST, Kind.TOO_LARGE, Kind.UNSUPPORTED_MEDIA)
NO_UPLOAD = "Unsupported image type. Allowed: JPEG, PNG, WebP, GIF"
BIG_UPLOAD = "Image too large. Maximum size is 10MB"

BALANCE_MESSAGES = {
    Kind.AUTH_MISSING: "No Authorization header",
    Kind.AUTH_INVALID: "Failed to get token info: record not found",
}


def word(problem: Problem, request: Incoming) -> Answer:
    """The problem in the envelope of its route. There is no member for the field: the message names it."""
    headers = retry_headers(problem) | allow_headers(problem)
    if request.path.endswith("/balance"):
        return _balance(problem, headers)
    if request.path.endswith("/uploads/images") and problem.kind in OF_THE_FILE:
        return _unsuccessful(400, _about_upload(problem), headers)
    status, code, type_ = ERRORS[problem.kind]
    error = {"code": code, "message": _message(problem), "type": type_}
    return Answer(status, {"error": error}, headers)


def _balance(problem: Problem, headers: dict[str, str]) -> Answer:
    """An unknown key is told with HTTP 200 here: clients look at `success`."""
    status = 200 if problem.kind is Kind.AUTH_INVALID else ERRORS[problem.kind][0]
    return _unsuccessful(status, BALANCE_MESSAGES.get(problem.kind) or _message(problem), headers)


def _about_upload(problem: Problem) -> str:
    """What the vendor says of a file; the fact `reason` tells the file from the request around it."""
    reason = problem.facts.get("reason")
    if problem.kind is Kind.TOO_LARGE and reason in (None, "too_large"):
        return BIG_UPLOAD
    return NO_UPLOAD if reason in ("unsupported_media", "not_an_image") else problem.message


def _unsuccessful(status: int, message: str, headers: dict[str, str]) -> Answer:
    return Answer(status, {"success": False, "message": message}, headers)


def _message(problem: Problem) -> str:
    if problem.kind in (Kind.AUTH_MISSING, Kind.AUTH_INVALID):
        return BAD_KEY
    if problem.kind is Kind.RATE_LIMITED:
        return f"{TOO_FAST}. {problem.message}"
    if problem.kind is Kind.NO_CREDIT and shortage(problem):
        return f"{NO_QUOTA}. {shortage(problem)}"
    return naming(problem)
