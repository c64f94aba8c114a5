"""What the composition root adds to the stack of pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils.decorators import sync_and_async_middleware

from accounts import factors
from accounts.models import User

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


@sync_and_async_middleware
def operator_factors(get_response: Next) -> Next:
    """Where operators must have a second factor, lead one without from the admin to where he sets it up."""

    if iscoroutinefunction(get_response):
        led = sync_to_async(_led)

        async def answer(request: HttpRequest) -> HttpResponseBase:
            return (_concerned(request) and await led(request)) or await get_response(request)

        return answer

    def answer_now(request: HttpRequest) -> HttpResponseBase:
        # known to be synchronous
        return (_concerned(request) and _led(request)) or get_response(request)  # type: ignore[return-value]

    return answer_now


def _concerned(request: HttpRequest) -> bool:
    """He may leave in any case."""
    path = request.path_info
    at_admin = path.startswith(settings.ADMIN_PATH) and path != f"{settings.ADMIN_PATH}logout/"
    return at_admin and settings.EASEL.operator_factors == "required"


def _led(request: HttpRequest) -> HttpResponseBase | None:
    user = request.user
    if not isinstance(user, User) or not user.is_staff or factors.has_one(user):
        return None
    request.session["factor_for"] = {"name": "Easel", "whom": "operators", "path": settings.ADMIN_PATH}
    return redirect("mfa_index")
