"""What the composition root adds to the stack of pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

Next = Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def admin_policy(get_response: Next) -> Next:
    """Widen the Content-Security-Policy under the admin's path, and nowhere else."""

    def widen(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if request.path_info.startswith(settings.ADMIN_PATH):
            response._csp_update = settings.ADMIN_CONTENT_SECURITY  # type: ignore[attr-defined]  # django-csp
        return response

    if iscoroutinefunction(get_response):

        async def answer(request: HttpRequest) -> HttpResponseBase:
            return widen(request, await get_response(request))

        return answer

    def answer_now(request: HttpRequest) -> HttpResponseBase:
        return widen(request, get_response(request))  # type: ignore[arg-type]  # known to be synchronous

    return answer_now
