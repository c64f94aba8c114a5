"""The frame of every page of a team: which team, as whom, in which mode, and what its rail shows.

A page names the permission it needs, once. A team the person does not belong to is not found, like
one that does not exist; a role that may not see a page is told so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.views.decorators.cache import never_cache

from accounts import directory, factors
from accounts.access import Permission, allowed
from accounts.auditing import Actor
from accounts.models import Membership, Mode, Organization, User
from accounts.origin import where

P = ParamSpec("P")
LAST_TEAM = "team"
"""In the session: the slug of the team whose page was looked at last."""


@dataclass(frozen=True, slots=True)
class Team:
    """The organization a page is about, the person's membership in it, and the mode it shows."""

    organization: Organization
    membership: Membership
    mode: str

    @property
    def role(self) -> str:
        return self.membership.role

    @property
    def test(self) -> bool:
        return self.mode == Mode.TEST

    def may(self, permission: Permission) -> bool:
        return allowed(self.role, permission)


class TeamRequest(HttpRequest):
    """A request that went through `team_page`."""

    user: User
    team: Team
    actor: Actor


View = Callable[Concatenate[TeamRequest, P], HttpResponseBase]


def team_page(permission: Permission) -> Callable[[View[P]], Callable[..., HttpResponseBase]]:
    """Wrap a view whose address begins with the team's slug: `view(request, ...)` gets `request.team`
    and `request.actor` (who is written into the audit trail). Whoever lacks a second factor that the team
    asks for is led to where he sets one up. Raises Http404 and PermissionDenied."""

    def wrap(view: View[P]) -> Callable[..., HttpResponseBase]:
        @never_cache
        @login_required
        @wraps(view)
        def enter(request: TeamRequest, team: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            request.team = _team(request, team)
            if factors.missing(request.team.organization, request.user):
                return _to_factors(request)
            if not request.team.may(permission):
                role = request.team.membership.get_role_display()
                raise PermissionDenied(
                    f"The role {role} cannot do this. Ask an owner of your team for it or another role."
                )
            request.actor = Actor.member(request.user, **where(request))
            return view(request, *args, **kwargs)

        return enter

    return wrap


def _team(request: HttpRequest, slug: str) -> Team:
    assert isinstance(request.user, User)
    for membership in directory.memberships_of(request.user):
        if membership.organization.slug == slug:
            if request.session.get(LAST_TEAM) != slug:
                request.session[LAST_TEAM] = slug
            return Team(membership.organization, membership, _mode(request, slug))
    raise Http404


def _to_factors(request: TeamRequest) -> HttpResponseBase:
    """To the page of second factors, which leads back."""
    organization = request.team.organization
    request.session["factor_for"] = {"name": organization.name, "slug": organization.slug}
    return redirect("mfa_index")


def _mode(request: HttpRequest, slug: str) -> str:
    """Live, unless the switch in the rail was set to test for this team in this session."""
    asked, kept = request.GET.get("mode", ""), f"mode:{slug}"
    if asked in Mode.values and request.session.get(kept, Mode.LIVE) != asked:
        request.session[kept] = asked
    return str(request.session.get(kept, Mode.LIVE))


# ---- the rail --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Link:
    """One line of the rail. `opens` is the name of its address, `key` the letter after `g`."""

    title: str
    icon: str
    opens: str
    permission: Permission
    key: str = ""


RAIL: tuple[tuple[str, tuple[Link, ...]], ...] = (
    (
        "",
        (
            Link("Overview", "house", "overview", Permission.USAGE_READ, "h"),
            Link("Playground", "sparkles", "playground", Permission.GENERATION_SUBMIT, "p"),
            Link("Images", "images", "images", Permission.IMAGE_READ, "i"),
            Link("Tasks", "list-checks", "tasks", Permission.GENERATION_READ, "t"),
            Link("Requests", "scroll-text", "requests", Permission.GENERATION_READ, "r"),
        ),
    ),
    (
        "Build",
        (
            Link("API keys", "key", "keys", Permission.KEY_READ, "k"),
            Link("Webhooks", "webhook", "webhooks", Permission.ENDPOINT_MANAGE, "w"),
        ),
    ),
    (
        "Account",
        (
            Link("Usage", "chart-column", "usage", Permission.USAGE_READ, "u"),
            Link("Billing", "wallet", "billing", Permission.USAGE_READ, "b"),
            Link("Members", "users", "members", Permission.USAGE_READ, "m"),
            Link("Audit log", "history", "audit", Permission.AUDIT_READ, "a"),
            Link("Settings", "settings", "settings", Permission.USAGE_READ, "s"),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the rail as a page draws it."""

    title: str
    icon: str
    url: str
    key: str
    here: bool


def frame(request: HttpRequest) -> dict[str, Any]:
    """What `team.html` draws around a page: the context processor of all templates."""
    team: Team | None = getattr(request, "team", None)
    if team is None:
        return {}
    assert isinstance(request.user, User)
    return {
        "team": team,
        "teams": [membership.organization for membership in directory.memberships_of(request.user)],
        "rail": [(title, entries) for title, links in RAIL if (entries := _entries(request, team, links))],
        "other_mode": f"?{urlencode({'mode': 'live' if team.test else 'test'})}",
    }


def _entries(request: HttpRequest, team: Team, links: tuple[Link, ...]) -> list[Line]:
    """The links this role may follow; `here` marks the one whose pages we are on."""
    made = []
    for link in links:
        url = _address(link.opens, team)
        if url and team.may(link.permission):
            here = request.path == url if link.opens == "overview" else request.path.startswith(url)
            made.append(Line(link.title, link.icon, url, link.key, here))
    return made


def _address(name: str, team: Team) -> str:
    try:
        return reverse(name, kwargs={"team": team.organization.slug})
    except NoReverseMatch:
        return ""
