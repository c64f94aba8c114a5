"""The start page: what this is, or what is yours."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts import directory
from accounts.access import Permission, allowed
from accounts.models import ApiKey, Door, Membership, User

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

    @property
    def example(self) -> str:
        """The template of a request that can be pasted."""
        return f"accounts/examples/{self.name}.html"


@dataclass(frozen=True, slots=True)
class Team:
    """One of the organizations a person belongs to, with what his role may see of it. `keys` is
    None for a role that sees none."""

    membership: Membership
    keys: list[ApiKey] | None


@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """A member's start page; for everybody else, what this is."""
    context: dict[str, object] = {"doors": _doors()}
    if not isinstance(request.user, User):
        return render(request, "landing.html", context)
    teams = [_team(membership) for membership in directory.memberships_of(request.user)]
    return render(request, "accounts/home.html", context | {"teams": teams})


def _doors() -> list[DoorCard]:
    origin = settings.EASEL.url
    return [DoorCard(door.value, door.label, f"{origin}{path}") for door, path in SDK_PATHS.items()]


def _team(membership: Membership) -> Team:
    may_see = allowed(membership.role, Permission.KEY_READ)
    return Team(membership, directory.keys_of(membership.organization) if may_see else None)
