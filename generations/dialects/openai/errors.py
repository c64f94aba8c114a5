"""OpenAI's error envelope, with LLM Gateway's statuses, types, codes and phrases."""

from __future__ import annotations

from collections.abc import Mapping

from generations.dialect import Answer, Incoming
from generations.errors import Problem
from generations.spec import Kind, Report, State
from generations.wording import allow_headers, retry_headers, shortage

INVALID = "invalid_request_error"

ERRORS: Mapping[Kind, tuple[int, str, str | None]] = {
    Kind.BAD_REQUEST: (400, INVALID, None),
    Kind.AUTH_MISSING: (401, INVALID, "invalid_api_key"),
    Kind.AUTH_INVALID: (401, INVALID, "invalid_api_key"),
    Kind.KEY_DISABLED: (401, INVALID, "invalid_api_key"),
    Kind.KEY_EXPIRED: (401, INVALID, "invalid_api_key"),
    Kind.IP_NOT_ALLOWED: (403, INVALID, "permission_denied"),
    Kind.ORGANIZATION_SUSPENDED: (403, INVALID, "permission_denied"),
    Kind.NO_CREDIT: (402, INVALID, "billing_error"),
    Kind.BUDGET_EXCEEDED: (402, INVALID, "billing_error"),
    Kind.FORBIDDEN_MODEL: (403, INVALID, "permission_denied"),
    Kind.FORBIDDEN: (403, INVALID, "permission_denied"),
    Kind.UNKNOWN_MODEL: (404, INVALID, "model_not_found"),
    Kind.NOT_FOUND: (404, INVALID, "not_found"),
    Kind.GONE: (410, INVALID, "gone"),
    Kind.METHOD_NOT_ALLOWED: (405, INVALID, "method_not_allowed"),
    Kind.NOT_CANCELLABLE: (409, INVALID, "not_cancellable"),
    Kind.IDEMPOTENCY_CONFLICT: (422, INVALID, "idempotency_conflict"),
    Kind.TOO_LARGE: (413, INVALID, "request_too_large"),
    Kind.UNSUPPORTED_MEDIA: (415, INVALID, "unsupported_media_type"),
    Kind.RATE_LIMITED: (429, "rate_limit_error", "rate_limit_exceeded"),
    Kind.CONTENT_BLOCKED: (400, "image_generation_user_error", "moderation_blocked"),
    Kind.NO_IMAGE: (500, "api_error", None),
    Kind.UPSTREAM_ERROR: (502, "upstream_error", "all_providers_failed"),
    Kind.UPSTREAM_TIMEOUT: (504, "timeout_error", "timeout"),
    Kind.OVERLOADED: (529, "overloaded", "overloaded"),
    Kind.MISCONFIGURED: (503, "api_error", None),
    Kind.DEADLINE: (504, "timeout_error", "timeout"),
    Kind.WORKER_LOST: (500, "api_error", None),
    Kind.INTERNAL: (500, "api_error", None),
    Kind.CANCELLED: (499, INVALID, "request_cancelled"),
}

MESSAGES = {
    Kind.AUTH_MISSING: "Unauthorized: No Authorization header provided. Expected 'Bearer your-api-token'",
    Kind.AUTH_INVALID: "Unauthorized: Invalid token",
    Kind.NO_IMAGE: (
        "The model did not generate any images. Try a different model with image generation "
        "capabilities (e.g., gemini-2.5-flash-image, gemini-3-pro-image-preview)."
    ),
}


def word(problem: Problem, request: Incoming) -> Answer:
    """The problem in the envelope: always all four members."""
    status, type_, code = ERRORS[problem.kind]
    error = {
        "message": _message(problem, request),
        "type": type_,
        "param": problem.param,
        "code": problem.facts.get("code") or code,
    }
    return Answer(status, {"error": error}, retry_headers(problem) | allow_headers(problem))


def failure(report: Report) -> Problem | None:
    """The error a final generation ended with; None for success and for blocked content, which is
    an answer without images in this dialect."""
    if report.state is State.SUCCEEDED or report.kind is Kind.CONTENT_BLOCKED:
        return None
    fallback = Kind.CANCELLED if report.state is State.CANCELLED else Kind.INTERNAL
    kind = report.kind or fallback
    message = report.message or f"Image generation ended as {report.state}"
    return Problem(kind, message, generation=report.id, final=True)


def _message(problem: Problem, request: Incoming) -> str:
    if problem.kind is Kind.AUTH_INVALID and request.headers.get("authorization"):
        return _authorization(request.headers["authorization"])
    if problem.kind is Kind.NO_CREDIT:
        return f"Organization has insufficient credits. {shortage(problem)}".rstrip(" .")
    if problem.kind is Kind.DEADLINE:
        return _still_running(problem, request)
    return MESSAGES.get(problem.kind) or _polite(problem)


def _authorization(header: str) -> str:
    if header[:7].lower() == "bearer " and header[7:].strip():
        return MESSAGES[Kind.AUTH_INVALID]
    return "Unauthorized: Invalid Authorization header format. Expected 'Bearer your-api-token'"


def _polite(problem: Problem) -> str:
    """Says the seconds in words too: official clients show the message, not the header."""
    if problem.kind is Kind.RATE_LIMITED and problem.retry_after and "retry" not in problem.message.lower():
        return f"{problem.message.rstrip('. ')}. Please retry after {problem.retry_after} seconds."
    if problem.kind in (Kind.KEY_DISABLED, Kind.KEY_EXPIRED):
        return f"Unauthorized: {problem.message}"
    return problem.message


def _still_running(problem: Problem, request: Incoming) -> str:
    """Where the image will be found: the wait is over, the work is not (unless it is final)."""
    if problem.generation is None or problem.facts.get("final"):
        return problem.message
    address = f"{request.base}/v1/generations/{problem.generation}"
    if address in problem.message:
        return problem.message
    return f"{problem.message.rstrip('. ')}. Read it with GET {address}"
