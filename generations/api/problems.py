"""What goes wrong with generations, as the management API words it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rest_framework.response import Response

from accounts.api import problems
from accounts.api.problems import Refused
from generations.batches.file import WrongFile
from generations.errors import Problem
from generations.spec import Kind
from runtime.storage import StorageError

STATUS: Final[Mapping[Kind, int]] = {
    Kind.NO_CREDIT: 402,
    Kind.BUDGET_EXCEEDED: 402,
    Kind.FORBIDDEN: 403,
    Kind.FORBIDDEN_MODEL: 403,
    Kind.NOT_FOUND: 404,
    Kind.NOT_CANCELLABLE: 409,
    Kind.GONE: 410,
    Kind.TOO_LARGE: 413,
    Kind.UNSUPPORTED_MEDIA: 415,
    Kind.RATE_LIMITED: 429,
    Kind.OVERLOADED: 503,
}


def handle(problem: Exception, context: Mapping[str, Any]) -> Response:
    """Django REST framework's exception handler for all of `/api/v1/`."""
    return problems.handle(_worded(problem), context)


def _worded(problem: Exception) -> Exception:
    if isinstance(problem, Problem):
        errors = [problems.error(problem.param, problem.message)] if problem.param else []
        return Refused(problem.kind.value, STATUS.get(problem.kind, 400), problem.message, errors=errors)
    if isinstance(problem, WrongFile):
        errors = [problems.error(one.field, one.message, one.code, line=one.line) for one in problem.wrong]
        first = problem.wrong[0]
        where = f"Line {first.line}: " if first.line else ""
        return Refused("bad_request", 400, f"{where}{first.message} Nothing was taken.", errors=errors)
    if isinstance(problem, StorageError):
        away = "The storage does not answer right now. Nothing was changed; try again shortly."
        return Refused("overloaded", 503, away, headers={"Retry-After": "3"})
    return problem


def not_found(what: str) -> Refused:
    """404, the same for what never was and for what is somebody else's."""
    return Refused("not_found", 404, f"There is no such {what}.")
