"""Every call of the management API leaves a row in the request history, as those at the doors do."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial

import structlog
from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from accounts.api.manager import Manager
from accounts.origin import where
from generations.doors import incoming, recorder
from generations.models import ApiRequest
from runtime import clock, database, ids, logs

log = structlog.get_logger(__name__)

Next = Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]
PATH, DOOR = "/api/v1/", "management"


@sync_and_async_middleware
def history(get_response: Next) -> Next:
    """Give the request its id, answer it, note it. Pages pass untouched."""

    async def answer(request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PATH):
            return await get_response(request)  # type: ignore[misc,no-any-return]
        row, began = _begin(request), time.perf_counter()
        with logs.about(row.request_id):
            response: HttpResponseBase = await get_response(request)  # type: ignore[misc]
        _finish(row, request, response, began)
        try:
            await database.run(partial(recorder.insert, [row]))
        except Exception:
            log.exception("history.management_lost")  # the call was answered: it stays answered
        return response

    def answer_now(request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PATH):
            return get_response(request)  # type: ignore[return-value]
        row, began = _begin(request), time.perf_counter()
        response: HttpResponseBase = get_response(request)  # type: ignore[assignment]
        _finish(row, request, response, began)
        recorder.insert([row])
        return response

    return answer if iscoroutinefunction(get_response) else answer_now


def _begin(request: HttpRequest) -> ApiRequest:
    headers = {name.lower(): value for name, value in request.headers.items()}
    request.META["easel.request_id"] = incoming.request_id(headers)  # where `accounts.origin` has it
    found = where(request)
    return ApiRequest(
        id=ids.uuid7(),
        at=clock.utc_now(),
        request_id=found["request_id"],
        door=DOOR,
        method=str(request.method)[:8],
        path=incoming.shown_path(request.path_info),
        ip=found["ip"],
        agent=incoming.shown(found["agent"], 200),
        bytes_in=_length(request.headers.get("Content-Length", "")),
    )


def _length(declared: str) -> int:
    return min(int(declared), 2**31 - 1) if declared.isdigit() else 0


def _finish(row: ApiRequest, request: HttpRequest, response: HttpResponseBase, began: float) -> None:
    row.status = response.status_code
    row.kind = getattr(request, "problem_kind", "")
    row.milliseconds = round((time.perf_counter() - began) * 1000)
    row.bytes_out = len(response.content) if isinstance(response, HttpResponse) else 0
    manager: Manager | None = getattr(request, "manager", None)
    if manager is not None:
        row.organization_id, row.mode = manager.organization.pk, manager.mode
        row.key_id, row.member_id = manager.key, manager.user
        for name, value in manager.allowance.headers().items():
            response.headers.setdefault(name, value)
    elif tried := getattr(request, "tried", None):
        row.organization_id, row.key_id = tried.organization_id, tried.key_id
    response.headers["X-Request-ID"] = row.request_id
    response.headers.setdefault("Cache-Control", "no-store")
