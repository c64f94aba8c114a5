"""The first page of a team: how it stands, what was made last, and what is left to do at the beginning."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import Permission
from accounts.shell import TeamRequest, team_page
from accounts.views.home import SDK_PATHS
from billing import entries, usage
from billing.usage import Line
from generations import browsing
from generations.listing import Filters
from generations.spec import State
from generations.views import lists
from generations.views.drawn import shown_tile
from runtime.clock import utc_now
from runtime.slices import Place

PICTURES = 12
DAY = timedelta(hours=24)
UTC_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing a new team does once."""

    words: str
    done: bool
    action: str = ""
    url: str = ""


@team_page(Permission.USAGE_READ)
@require_safe
def index(request: TeamRequest) -> HttpResponse:
    """Numbers that lead to their rows, the newest pictures, the doors' addresses."""
    team = request.team
    may_see = team.may(Permission.IMAGE_READ)
    context = {
        **_numbers(request),
        "steps": _steps(request),
        "pictures": _pictures(request) if may_see else [],
        "may_see": may_see,
        "may_order": team.may(Permission.GENERATION_SUBMIT),
        "doors": [(door, f"{settings.EASEL.url}{path}") for door, path in SDK_PATHS.items()],
    }
    return render(request, "generations/overview/index.html", context)


# ---- numbers ---------------------------------------------------------------------------------


def _numbers(request: TeamRequest) -> dict[str, Any]:
    team, now = request.team, utc_now()
    month = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    day = usage.report(
        team.organization, team.mode, since=now - DAY, until=now, zone=UTC_ZONE, by=("outcome",)
    )
    return {
        "balance": entries.balance(team.organization, team.mode).available,
        "month": usage.report(
            team.organization, team.mode, since=month, until=now, zone=UTC_ZONE, by=()
        ).totals,
        "month_began": month,
        "under_way": browsing.under_way(team.organization, team.mode),
        "day": day,
        "failures": _failures(day.lines),
    }


@dataclass(frozen=True, slots=True)
class Failures:
    """Of the generations that came to an end by themselves, those that brought nothing."""

    failed: int
    all: int

    @property
    def percent(self) -> str:
        if not self.all:
            return "0 %"
        share = 100 * self.failed / self.all
        return f"{share:.1f} %" if 0 < share < 10 else f"{share:.0f} %"


def _failures(lines: tuple[Line, ...]) -> Failures:
    ended = {line.outcome: line.totals.generations for line in lines if line.outcome != State.CANCELLED}
    every = sum(ended.values())
    return Failures(every - ended.get(State.SUCCEEDED, 0), every)


# ---- what was made last ----------------------------------------------------------------------


def _pictures(request: TeamRequest) -> list[Any]:
    team = request.team
    page = browsing.album(team.organization, team.mode, Filters(), Place(), size=PICTURES, failed=False)
    return [one for tile in page.items[:PICTURES] if (one := shown_tile(tile))]


# ---- the beginning ---------------------------------------------------------------------------


@team_page(Permission.USAGE_READ)
@require_safe
def steps(request: TeamRequest) -> HttpResponse:
    """A piece of the page: the list that ticks itself. When all is done the page comes anew."""
    left = _steps(request)
    answer = render(request, "generations/overview/steps.html", {"steps": left})
    if not left:
        answer["HX-Refresh"] = "true"
    return answer


def _steps(request: TeamRequest) -> list[Step]:
    """What a new team does once; empty when all of it is done, and for whoever may do none of it."""
    team = request.team
    if not team.may(Permission.KEY_MANAGE_OWN):
        return []
    began = browsing.beginnings(team.organization, team.mode)
    if began.seen:
        return []
    other = "live" if team.test else "test"
    seen = "Your picture shows up on this page"
    found = [
        Step("Make a key", began.key, "Create key", lists.address(request, "create_key")),
        Step("Make an image with it, or here in the playground", began.image, "Open playground",
             lists.address(request, "playground")),
    ]  # fmt: skip
    if began.image:
        found.append(Step(seen, False, f"It is in {other} mode", f"?mode={other}"))
    else:
        found.append(Step(seen, False))
    return found
