"""Before what matters most: whoever asks has shown who he is within the last quarter of an hour."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import suspend_request
from django.conf import settings
from django.http.response import HttpResponseBase

from accounts import factors
from accounts.shell import TeamRequest

View = Callable[..., HttpResponseBase]


def proven(view: View) -> View:
    """Ask for the password (or a factor) again, then go on where it was asked."""
    asked: View = reauthentication_required(view, app="accounts")
    return asked


def proven_by_factor(view: View) -> View:
    """As `proven`; whoever has a second factor shows that one."""

    @wraps(view)
    def enter(request: TeamRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if factors.has_one(request.user) and not _showed_one(request):
            methods = get_adapter().get_reauthentication_methods(request.user)
            chosen = next(method for method in methods if method["id"].startswith("mfa"))
            answer: HttpResponseBase = suspend_request(request, chosen["url"])
            return answer
        return proven(view)(request, *args, **kwargs)

    return enter


def _showed_one(request: TeamRequest) -> bool:
    oldest = time.time() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
    records = get_authentication_records(request, request.user)
    return any(record["method"] == "mfa" and record["at"] > oldest for record in records)
