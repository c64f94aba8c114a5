"""What the pages of usage and money share: the chosen timezone, addresses, names of what is kept by id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.urls import NoReverseMatch, reverse

from accounts import directory
from accounts.access import Permission
from accounts.api.fields import ZONES
from accounts.models import Door
from accounts.shell import TeamRequest

ZONE_COOKIE: Final = "timezone"
A_YEAR: Final = 365 * 24 * 3600
SORTED_ZONES: Final = sorted(zone for zone in ZONES if "/" in zone or zone == "UTC")
NO_KEY, FORMER = "Playground", "Former member"
OUTCOMES: Final = {"succeeded": "Succeeded", "cancelled": "Cancelled", "no_image": "No image"}


def kept_zone(request: TeamRequest) -> str:
    """The timezone this browser chose before, as it says; empty without one."""
    return request.COOKIES.get(ZONE_COOKIE, "")


def keep_zone(response: HttpResponse, name: str) -> HttpResponse:
    """Remember what was chosen, for every page of this family."""
    if name:
        response.set_cookie(
            ZONE_COOKIE,
            name,
            max_age=A_YEAR,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response


def address(request: TeamRequest, name: str, query: Mapping[str, Any] | None = None, **parts: Any) -> str:
    """The address of a page of this team, with a query; empty where there is no such page."""
    try:
        path = reverse(name, kwargs={"team": request.team.organization.slug, **parts})
    except NoReverseMatch:
        return ""
    told = {key: value for key, value in (query or {}).items() if value not in ("", None)}
    return f"{path}?{urlencode(told)}" if told else path


def tasks(request: TeamRequest, **query: Any) -> str:
    """The tasks behind a number, for a role that may see tasks; else empty."""
    if not request.team.may(Permission.GENERATION_READ):
        return ""
    return address(request, "tasks", query)


def entries(request: TeamRequest, **query: Any) -> str:
    """The entries behind a number, for a role that may see the books; else empty."""
    return address(request, "entries", query) if request.team.may(Permission.EXPORT_BILLING) else ""


# ---- names -----------------------------------------------------------------------------------


def named(request: TeamRequest, by: str, values: Iterable[Any]) -> dict[Any, str]:
    """What keys, members, doors, models and outcomes are called."""
    wanted = {value for value in values if value is not None}
    if by == "key":
        names = directory.key_names(request.team.organization, wanted)
        return {None: NO_KEY, **{value: names.get(value, f"Key {_short(value)}") for value in wanted}}
    if by == "member":
        names = directory.member_names(request.team.organization, wanted)
        return {None: "Keys of the team", **{value: names.get(value, FORMER) for value in wanted}}
    if by == "dialect":
        doors = dict(Door.choices)
        return {value: doors.get(value, value) for value in wanted}
    if by == "outcome":
        return {value: outcome(value) for value in wanted}
    return {value: value for value in wanted}


def _short(identifier: UUID) -> str:
    return f"{str(identifier)[-6:]}"


def outcome(kind: str) -> str:
    """`content_blocked` as people read it."""
    return OUTCOMES.get(kind, kind.replace("_", " ").capitalize())
