"""Google's error envelope: an HTTP status, one of Google's words for it, and typed details."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from generations.dialect import Answer, Incoming
from generations.errors import Problem
from generations.spec import Kind, Report, State
from generations.wording import allow_headers, bearer, retry_headers, shortage

RPC = "type.googleapis.com/google.rpc."
UNIMPLEMENTED = "UNIMPLEMENTED"

ERRORS: Mapping[Kind, tuple[int, str]] = {
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
FIELD_KINDS = (Kind.TOO_LARGE, Kind.UNSUPPORTED_MEDIA)
"""Of a request as a whole these have a status of their own; of one of its fields Google says 400."""
KEY_KINDS = (Kind.AUTH_INVALID, Kind.KEY_DISABLED, Kind.KEY_EXPIRED)
NO_KEY = (
    "Method doesn't allow unregistered callers (callers without established identity). "
    "Please send an API key as x-goog-api-key, as Authorization: Bearer, or as ?key=."
)


def google_keys(request: Incoming) -> tuple[str, ...]:
    """The keys in Google's own two places, the header first."""
    found = (request.headers.get("x-goog-api-key", "").strip(), request.query.get("key", "").strip())
    return tuple(filter(None, found))


def token(request: Incoming) -> str | None:
    """The Bearer token. A malformed Authorization header is a Problem(AUTH_INVALID), unless a key
    stands in Google's own places: then it is a proxy's credentials."""
    try:
        return bearer(request)
    except Problem:
        if not google_keys(request):
            raise
        return None


def word(problem: Problem, request: Incoming) -> Answer:
    """The problem in the envelope. The request's query is never repeated: it may hold the key."""
    google = problem.kind in KEY_KINDS and _came_googles_way(request)
    of_field = problem.kind in FIELD_KINDS and bool(problem.param)
    status, name = (400, "INVALID_ARGUMENT") if google or of_field else ERRORS[problem.kind]
    if problem.facts.get("code") == UNIMPLEMENTED:
        status, name = 501, UNIMPLEMENTED
    headers = retry_headers(problem) | allow_headers(problem)
    error: dict[str, Any] = {"code": status, "message": _message(problem, request, google), "status": name}
    if details := _details(problem, headers, google):
        error["details"] = details
    return Answer(status, {"error": error}, headers)


def failure(report: Report) -> Problem | None:
    """The error a final generation ended with; None for success, blocked content and an answer
    without an image, which are answers in this dialect."""
    if report.state is State.SUCCEEDED or report.kind in (Kind.CONTENT_BLOCKED, Kind.NO_IMAGE):
        return None
    fallback = Kind.CANCELLED if report.state is State.CANCELLED else Kind.INTERNAL
    message = report.message or f"The generation ended as {report.state}."
    return Problem(report.kind or fallback, message, generation=report.id, final=True)


def _came_googles_way(request: Incoming) -> bool:
    """Whether the refused key (the first one counts) was in the header or the query of Google."""
    try:
        return token(request) is None and bool(google_keys(request))
    except Problem:
        return False


def _message(problem: Problem, request: Incoming, google: bool) -> str:
    if problem.kind is Kind.AUTH_MISSING:
        return NO_KEY
    if problem.kind is Kind.AUTH_INVALID:
        return _invalid_key(problem, google)
    if problem.kind is Kind.NO_CREDIT:
        return f"Insufficient balance. {shortage(problem)}".rstrip(" .")
    if problem.kind is Kind.TOO_LARGE and not problem.param:
        return f"Request payload size exceeds the limit. {problem.message}"
    return _still_running(problem, request) if problem.kind is Kind.DEADLINE else problem.message


def _invalid_key(problem: Problem, google: bool) -> str:
    if google:
        return "API key not valid. Please pass a valid API key."
    return f"Request had invalid authentication credentials. {problem.message}"


def _still_running(problem: Problem, request: Incoming) -> str:
    """Where the image will be found: the wait is over, the work is not (unless it is final)."""
    if problem.generation is None or problem.facts.get("final"):
        return problem.message
    address = f"{request.base}/v1beta/generations/{problem.generation}"
    return f"{problem.message.rstrip('. ')}. Read it with GET {address}"


def _details(problem: Problem, headers: Mapping[str, str], google: bool) -> list[dict[str, Any]]:
    if google:
        return [{"@type": f"{RPC}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}]
    details: list[dict[str, Any]] = []
    if problem.param:
        violation = {"field": problem.param, "description": problem.message}
        details.append({"@type": f"{RPC}BadRequest", "fieldViolations": [violation]})
    if "Retry-After" in headers:
        details.append({"@type": f"{RPC}RetryInfo", "retryDelay": f"{headers['Retry-After']}s"})
    return details
