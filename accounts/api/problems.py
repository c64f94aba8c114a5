"""Refusals as RFC 9457 has them: `application/problem+json`, with a link to what each kind means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response

from accounts.errors import AuthError, AuthReason, Conflict, InvalidValue, NotAllowed, NotFound
from accounts.origin import where
from runtime import database

log = structlog.get_logger(__name__)

MEDIA = "application/problem+json"
MOST_ERRORS = 100
TITLES = {
    "bad_request": "The request is not valid",
    "unknown_parameter": "The request names something unknown",
    "auth_missing": "An API key is needed",
    "auth_invalid": "The API key is not valid",
    "key_disabled": "The API key was revoked",
    "key_expired": "The API key expired",
    "ip_not_allowed": "This address may not use the API key",
    "organization_suspended": "The organization is suspended",
    "forbidden": "Not allowed",
    "not_found": "Not found",
    "method_not_allowed": "The method is not allowed here",
    "not_cancellable": "It cannot be cancelled any more",
    "conflict": "The state of things is against it",
    "gone": "No longer kept",
    "too_large": "The body is too large",
    "unsupported_media": "The body's type is not taken here",
    "rate_limited": "Too many requests",
    "overloaded": "Not available right now",
    "internal": "Something went wrong on our side",
}


class Refused(exceptions.APIException):
    """A request that is not answered as asked: its `kind` (a word of `TITLES`, or another that a
    neighbour knows), status and sentence; the fields that are wrong; facts that go along."""

    def __init__(
        self,
        kind: str,
        status: int,
        detail: str,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(detail)
        self.kind, self.status_code, self.sentence = kind, status, detail
        self.errors, self.headers, self.facts = errors, dict(headers or {}), facts


def error(field: str, message: str, code: str = "invalid", **more: Any) -> dict[str, Any]:
    """One wrong field."""
    return {**more, "field": field, "code": code, "message": message}


def invalid(field: str, message: str) -> Refused:
    """A value that cannot be taken."""
    return Refused("bad_request", 400, message, errors=[error(field, message)])


def handle(problem: Exception, context: Mapping[str, Any]) -> Response:
    """Django REST framework's exception handler: whatever happened, as a problem."""
    refused = _refused(problem)
    if refused is None:
        log.exception("management.broke", exc_info=problem)
        refused = Refused("internal", 500, "Something went wrong on our side. Try again, or write to us.")
    request = context["request"]
    request._request.problem_kind = refused.kind
    body = told(refused, where(request._request)["request_id"])
    return Response(body, refused.status_code, headers=refused.headers, content_type=MEDIA)


@csrf_exempt  # nothing is done here, whoever sends one there
def nowhere(request: Any, *args: Any, **kwargs: Any) -> JsonResponse:
    """The view of every path that is not there."""
    request.problem_kind = "not_found"
    refused = Refused(
        "not_found", 404, "There is nothing at this path. The description is at /api/v1/schema."
    )
    return JsonResponse(told(refused, where(request)["request_id"]), status=404, content_type=MEDIA)


def told(refused: Refused, request_id: str) -> dict[str, Any]:
    """The members of a problem."""
    body = {
        "type": f"{settings.EASEL.url}/docs/errors#{refused.kind}",
        "title": TITLES.get(refused.kind, refused.kind.replace("_", " ").capitalize()),
        "status": refused.status_code,
        "detail": refused.sentence,
        "kind": refused.kind,
        "request_id": request_id,
        "errors": list(refused.errors)[:MOST_ERRORS],
    }
    return {**body, **refused.facts}


# ---- what is what ----------------------------------------------------------------------------

_AUTH = {
    AuthReason.MISSING: ("auth_missing", 401),
    AuthReason.INVALID: ("auth_invalid", 401),
    AuthReason.REVOKED: ("key_disabled", 401),
    AuthReason.EXPIRED: ("key_expired", 401),
    AuthReason.ORGANIZATION_SUSPENDED: ("organization_suspended", 403),
    AuthReason.IP_NOT_ALLOWED: ("ip_not_allowed", 403),
    AuthReason.DOOR_NOT_ALLOWED: ("forbidden", 403),
    AuthReason.TOO_MANY_TRIES: ("rate_limited", 429),
}
_STATUS = {
    400: "bad_request",
    401: "auth_missing",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media",
    429: "rate_limited",
}
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="management"'}


def of_auth(problem: AuthError) -> Refused:
    """Why a key is not let in."""
    kind, status = _AUTH[problem.reason]
    headers = CHALLENGE if status == 401 else {}
    if problem.retry_after is not None:
        headers = {"Retry-After": str(problem.retry_after)}
    return Refused(kind, status, problem.message, headers=headers)


def _refused(problem: Exception) -> Refused | None:
    if isinstance(problem, Refused):
        return problem
    if isinstance(problem, exceptions.ValidationError):
        return _of_fields(problem)
    if isinstance(problem, exceptions.APIException):
        return _of_framework(problem)
    return _of_ours(problem)


def _of_ours(problem: Exception) -> Refused | None:
    match problem:
        case AuthError():
            return of_auth(problem)
        case InvalidValue():
            return invalid(problem.field, problem.message)
        case NotFound() | Http404():
            return Refused("not_found", 404, getattr(problem, "message", "") or "There is no such thing.")
        case NotAllowed() | PermissionDenied():
            return Refused("forbidden", 403, getattr(problem, "message", "") or "This is not allowed.")
        case Conflict():
            return Refused("conflict", 409, problem.message)
        case RequestDataTooBig():
            return Refused("too_large", 413, "The body is too large.")
        case _ if database.is_away(problem):
            away = "The service is not available right now. Try again shortly."
            return Refused("overloaded", 503, away, headers={"Retry-After": "3"})
    return None


def _of_framework(problem: exceptions.APIException) -> Refused:
    kind = _STATUS.get(problem.status_code, "bad_request")
    headers = CHALLENGE if problem.status_code == 401 else None
    return Refused(kind, problem.status_code, str(problem.detail), headers=headers)


def _of_fields(problem: exceptions.ValidationError) -> Refused:
    errors = list(_flat(problem.detail))
    unknown = bool(errors) and all(one["code"] == "unknown_parameter" for one in errors)
    first = errors[0] if errors else error("", "The request is not valid.")
    detail = f"{first['field']}: {first['message']}" if first["field"] else first["message"]
    return Refused("unknown_parameter" if unknown else "bad_request", 400, detail, errors=errors)


def _flat(detail: Any, path: str = "") -> Iterator[dict[str, Any]]:
    """The errors of nested fields, each with its path: `networks[0]`."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _flat(inner, _below(path, name))
    elif isinstance(detail, list):
        for inner in detail:
            yield from _flat(inner, path)
    else:
        yield error(path, str(detail), getattr(detail, "code", "invalid") or "invalid")


def _below(path: str, name: Any) -> str:
    if name == "non_field_errors":
        return path
    if isinstance(name, int):
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else str(name)
