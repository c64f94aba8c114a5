"""How long somebody stays logged in: a session ends after a while without a request, after a longer while
in any case, and at once when what it was begun with is no longer true."""

from __future__ import annotations

import time
from typing import Final

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.db.models import F
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin

from accounts.models import User

BEGAN, SEEN = "began", "seen"
NOTED_SECONDS: Final = 60.0
"""A session's last request is noted this often at most."""


class SessionAges(MiddlewareMixin):
    """Ends what is too old, and notes what is in use. Requests without a session cost nothing."""

    def process_request(self, request: HttpRequest) -> None:
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or not isinstance(request.user, User):
            return
        now = time.time()
        began, seen = request.session.get(BEGAN, now), request.session.get(SEEN, now)
        idle, longest = _limits(request.user)
        if now - seen > idle or now - began > longest:
            logout(request)
            messages.info(request, "You were logged out, since your session had grown old. Log in again.")
        elif BEGAN not in request.session or now - seen > NOTED_SECONDS:
            request.session.update({BEGAN: began, SEEN: now})
            UserSession.objects.create_from_request(request)


def _limits(user: User) -> tuple[int, int]:
    """Seconds without a request, and seconds in all."""
    if user.is_staff:
        return settings.STAFF_IDLE_SECONDS, settings.STAFF_SESSION_SECONDS
    return settings.SESSION_IDLE_SECONDS, settings.SESSION_COOKIE_AGE


def begin(request: HttpRequest) -> None:
    """Start the clocks of a session that was just logged in to."""
    now = time.time()
    request.session.update({BEGAN: now, SEEN: now})


def end_all(user: User) -> None:
    """End every session of somebody from the next request on. Inside a tenant's scope or outside."""
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)


def end_others(request: HttpRequest) -> None:
    """End every session of the one who asks but this, which gets a new id."""
    assert isinstance(request.user, User)
    end_all(request.user)
    keep(request)


def keep(request: HttpRequest) -> None:
    """Let this session outlive an `end_all` of its own user."""
    assert isinstance(request.user, User)
    request.user.refresh_from_db(fields=["session_epoch", "password"])
    update_session_auth_hash(request, request.user)
    UserSession.objects.create_from_request(request)
