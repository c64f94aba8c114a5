"""The start page: what this is, or the way to a team."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts import directory
from accounts.models import Door, User
from accounts.shell import LAST_TEAM

SDK_PATHS = {
    Door.EVOLINK: "/evolink",
    Door.OPENAI: "/openai/v1",
    Door.TOAPIS: "/toapis",
    Door.GEMINI: "/gemini",
    Door.GMI: "/gmi",
}
"""The base URL that clients are given, under ours, of each door that is open."""


@dataclass(frozen=True, slots=True)
class DoorCard:
    """A door as the pages show it."""

    name: str
    title: str
    base_url: str


@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """To the overview of the team a member was at last; for everybody else, what this is."""
    if not isinstance(request.user, User):
        context = {"doors": _doors(), "open": settings.EASEL.signup == "open"}
        return render(request, "landing.html", context)
    slugs = [membership.organization.slug for membership in directory.memberships_of(request.user)]
    if not slugs:
        return render(request, "accounts/home.html")
    last = request.session.get(LAST_TEAM)
    return redirect("overview", team=last if last in slugs else slugs[0])


def _doors() -> list[DoorCard]:
    origin = settings.EASEL.url
    return [DoorCard(door.value, door.label, f"{origin}{path}") for door, path in SDK_PATHS.items()]
