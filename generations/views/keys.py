"""The keys of a team: all of them, whose one is, and each for itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts import directory, keys
from accounts.access import Permission
from accounts.directory import KEY_STATES, Holding
from accounts.errors import NotFound
from accounts.forms.found_keys import FindKeyForm
from accounts.models import ApiKey, Door
from accounts.shell import TeamRequest, team_page
from accounts.views.addresses import place_of
from billing import entries, usage
from billing.entries import Limit
from billing.usage import Recent
from generations import listing, traffic
from generations.listing import CallFilters
from generations.views import key_words as words
from runtime.clock import utc_now

SIZE, MOST_FOUND, EVENTS, CALLS, CALLERS = 25, 25, 20, 10, 10
DAY = timedelta(hours=24)
PERIODS, NEAR = ("day", "week", "month", "total"), 80


@dataclass(frozen=True, slots=True)
class Row:
    """A key as the list shows it."""

    key: ApiKey
    state: str
    soon: bool
    base_url: str
    limits: list[str]
    recent: Recent


@team_page(Permission.KEY_READ)
@require_safe
def index(request: TeamRequest) -> HttpResponse:
    """All keys of the mode, in the state that the address names (`active` without one)."""
    team, state = request.team, request.GET.get("state", "active")
    if state not in KEY_STATES:
        raise Http404
    page = directory.keys_slice(team.organization, team.mode, state, place_of(request), size=SIZE)
    recent = usage.of_keys(team.organization, team.mode, [key.pk for key in page.rows])
    context = {
        "rows": [_row(key, recent[key.pk]) for key in page.rows],
        "newer": f"?state={state}&after={page.newer}" if page.newer else "",
        "older": f"?state={state}&before={page.older}" if page.older else "",
        "state": state,
        "counts": directory.key_counts(team.organization, team.mode),
        "days": usage.RECENT_DAYS,
        "form": FindKeyForm(),
        "may_make": team.may(Permission.KEY_MANAGE_OWN),
    }
    return render(request, "accounts/keys/index.html", context)


def _row(key: ApiKey, recent: Recent) -> Row:
    return Row(
        key=key,
        state=words.state_of(key),
        soon=words.expires_soon(key),
        base_url=words.base_of(key),
        limits=words.limits_of(key),
        recent=recent,
    )


# ---- whose key this is -----------------------------------------------------------------------


@team_page(Permission.KEY_READ)
@require_POST
@sensitive_post_parameters("key")
def find(request: TeamRequest) -> HttpResponse:
    """To the key that was pasted, or to those that begin so. Posted, so that a secret stands in no
    address and no log."""
    form = FindKeyForm(request.POST)
    team, found = request.team, []
    if form.is_valid():
        found = directory.keys_like(team.organization, form.cleaned_data["key"], size=MOST_FOUND)
        if len(found) == 1:
            return _to(request, found[0])
    context = {"form": form, "found": found, "trouble": "" if found else _trouble(form)}
    return render(request, "accounts/keys/found.html", context)


def _to(request: TeamRequest, holding: Holding) -> HttpResponse:
    """To the key's page, in the key's mode, with which of its secrets was pasted."""
    told = {
        "current": "This is the key you pasted. Its secret is the current one.",
        "previous": "This is the key you pasted. Its secret is the one from before the last rotation.",
    }
    if holding.secret:
        messages.info(request, told[holding.secret])
    return redirect(f"{address(request, 'key', holding.key)}?mode={holding.key.mode}")


def _trouble(form: FindKeyForm) -> str:
    """Why nothing was found, as far as arithmetic can tell."""
    text = form.cleaned_data.get("key", "") if form.is_valid() else ""
    if not text:
        return "missing"
    if keys.well_formed(text):
        return "elsewhere"
    return "mistyped" if len(text) > len("easel_live_") + keys.PUBLIC_LETTERS else "unknown"


# ---- one key ---------------------------------------------------------------------------------


@team_page(Permission.KEY_READ)
@require_safe
def detail(request: TeamRequest, key: UUID) -> HttpResponse:
    """Everything about one key."""
    row = require_key(request, key)
    return render(request, "accounts/keys/detail.html", {**_about(request, row), **_story(request, row)})


def _about(request: TeamRequest, key: ApiKey) -> dict[str, Any]:
    """What it is and what it may."""
    team = request.team
    return {
        "key": key,
        "state": words.state_of(key),
        "soon": words.expires_soon(key),
        "in_grace": words.in_grace(key),
        "base_url": words.base_of(key),
        "scopes": words.scopes_of(key),
        "doors": [Door(door).label for door in key.doors_allowed],
        "shelves": words.shelves(key),
        "may_write": may_write(request, key),
        "may_budget": team.may(Permission.KEY_MANAGE),
        "may_audit": team.may(Permission.AUDIT_READ),
    }


def _story(request: TeamRequest, key: ApiKey) -> dict[str, Any]:
    """What it did, and what was done to it."""
    team = request.team
    calls = listing.calls(team.organization, team.mode, CallFilters(key=key.pk), size=CALLS)
    audited = team.may(Permission.AUDIT_READ)
    return {
        "recent": usage.of_keys(team.organization, team.mode, [key.pk])[key.pk],
        "days": usage.RECENT_DAYS,
        "bars": bars_of(request, key),
        "calls": calls.rows,
        "callers": traffic.callers(team.organization, key.pk, utc_now() - DAY, size=CALLERS),
        "under_way": traffic.under_way(team.organization, key.pk),
        "events": directory.key_events(team.organization, key.pk, size=EVENTS) if audited else [],
    }


@dataclass(frozen=True, slots=True)
class Bar:
    """A budget as it is drawn: `share` of it is used, in thousandths."""

    budget: Limit

    @property
    def share(self) -> int:
        return min(1000 * self.budget.used // self.budget.limit, 1000)

    @property
    def tone(self) -> str:
        """`near` from the alert on (from 80 percent without one), `full` when nothing is left."""
        if self.budget.left == 0:
            return "full"
        return "near" if self.share >= 10 * (self.budget.alert_percent or NEAR) else ""


def bars_of(request: TeamRequest, key: ApiKey) -> list[Bar]:
    """The budgets of a key, the shortest period first."""
    found = entries.budgets(request.team.organization, request.team.mode)
    mine = [budget for budget in found if budget.key == key.pk]
    return [Bar(budget) for budget in sorted(mine, key=lambda budget: PERIODS.index(budget.period))]


@team_page(Permission.KEY_READ)
@require_safe
def first_call(request: TeamRequest, key: UUID) -> HttpResponse:
    """A piece of a page: that we wait for a new key's first call, or the call. Asks again by itself, the
    longer it waits the less often, and gives up after half an hour."""
    row = require_key(request, key)
    try:
        turn = min(max(int(request.GET.get("turn", "0")), 0), 1000)
    except ValueError:
        turn = 0
    call = traffic.first_call(request.team.organization, row.pk, row.created_at)
    return render(request, "accounts/keys/first_call.html", {"key": row, "call": call, **pace(turn)})


def pace(turn: int) -> dict[str, Any]:
    """When a waiting piece asks again: every 2 seconds for two minutes, every 10 for half an hour."""
    return {"turn": turn + 1, "again": 2 if turn < 60 else 10, "waiting": turn < 240}


# ---- what the pages of keys share ------------------------------------------------------------


def require_key(request: TeamRequest, key: UUID) -> ApiKey:
    """The key of this team and mode. Raises Http404."""
    try:
        return directory.whole_key(request.team.organization, request.team.mode, key)
    except NotFound:
        raise Http404 from None


def may_write(request: TeamRequest, key: ApiKey) -> bool:
    """Whether this person may change the key: all of them, or his own."""
    own = key.member_id is not None and key.member_id == request.user.pk
    return request.team.may(Permission.KEY_MANAGE) or (own and request.team.may(Permission.KEY_MANAGE_OWN))


def address(request: TeamRequest, name: str, key: ApiKey) -> str:
    """The address of a page of a key."""
    return reverse(name, kwargs={"team": request.team.organization.slug, "key": key.pk})
