"""Budgets of the team and of its keys: how much of each is used, and what is told and stopped when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import directory
from accounts.access import Permission
from accounts.errors import InvalidValue, NotFound
from accounts.shell import TeamRequest, team_page
from billing import actions, entries
from billing.entries import Limit
from billing.forms.budgets import PERIODS, TEAM, TeamBudgetForm
from billing.money import dollars, plain
from billing.views import frame

ORDER = tuple(PERIODS)


@dataclass(frozen=True, slots=True)
class Bar:
    """A budget as it is drawn."""

    budget: Limit
    whose: str
    period: str
    usage: str

    @property
    def percent(self) -> int:
        return min(100 * self.budget.used // self.budget.limit, 100)

    @property
    def tone(self) -> str:
        """`near` from the alert on (from 80 percent where there is none), `full` when nothing is left."""
        if self.budget.left == 0:
            return "full"
        return "near" if self.percent >= (self.budget.alert_percent or 80) else ""


def bars(request: TeamRequest) -> list[Bar]:
    """All budgets of the mode: the team's first, then key by key, the shortest period first."""
    found = entries.budgets(request.team.organization, request.team.mode)
    keys = frame.named(request, "key", [limit.key for limit in found])
    made = [Bar(one, _whose(one, keys), PERIODS[one.period], _usage(request, one)) for one in found]
    return sorted(made, key=lambda bar: (bar.budget.key is not None, bar.whose, _place(bar.budget)))


def _whose(limit: Limit, keys: dict[Any, str]) -> str:
    return keys[limit.key] if limit.key else "The whole team"


def _place(limit: Limit) -> int:
    return ORDER.index(limit.period)


def _usage(request: TeamRequest, limit: Limit) -> str:
    """What used it up."""
    return frame.address(request, "usage", {"key": limit.key or "", "by": "" if limit.key else "key"})


@team_page(Permission.USAGE_READ)
@require_safe
def index(request: TeamRequest) -> HttpResponse:
    """All of them."""
    context = {
        "bars": bars(request),
        "may_change": request.team.may(Permission.KEY_MANAGE),
        "sees_books": request.team.may(Permission.EXPORT_BILLING),
    }
    return render(request, "billing/budgets.html", context)


@team_page(Permission.KEY_MANAGE)
@require_http_methods(["GET", "POST"])
def edit(request: TeamRequest) -> HttpResponse:
    """Set a budget; the same key and period again change it."""
    form = TeamBudgetForm(request.POST or None, keys=_keys(request), initial=_initial(request))
    if request.method == "POST" and form.is_valid():
        try:
            _set(request, form)
        except InvalidValue as problem:
            form.add_error(problem.field if problem.field in form.fields else None, problem.message)
        else:
            messages.success(request, "The budget is set. It counts from the next order on.")
            return redirect("budgets", team=request.team.organization.slug)
    return render(request, "billing/budget.html", {"form": form})


def _set(request: TeamRequest, form: TeamBudgetForm) -> None:
    actions.set_budget(
        organization=request.team.organization,
        period=form.cleaned_data["period"],
        limit=form.amount,
        by=request.actor,
        mode=request.team.mode,
        key=form.key_id,
        alert_percent=form.cleaned_data["alert_percent"] or 0,
    )


def _keys(request: TeamRequest) -> list[tuple[str, str]]:
    mine = directory.keys_of(request.team.organization)
    return [(str(key.pk), f"{key.name} ({key.prefix}…)") for key in mine if key.mode == request.team.mode]


def _initial(request: TeamRequest) -> dict[str, Any]:
    """What the address names: a budget that is there as it is, or a new one."""
    key, period = request.GET.get("key") or TEAM, request.GET.get("period", "month")
    for limit in entries.budgets(request.team.organization, request.team.mode):
        if (str(limit.key or TEAM), limit.period) == (key, period):
            told = {"limit": plain(dollars(limit.limit)), "alert_percent": limit.alert_percent}
            return {"key": key, "period": period, **told}
    return {"key": key, "period": period, "alert_percent": 80}


@team_page(Permission.KEY_MANAGE)
@require_POST
def delete(request: TeamRequest, budget: UUID) -> HttpResponse:
    """Lift a limit."""
    try:
        actions.delete_budget(
            organization=request.team.organization, budget=budget, by=request.actor, mode=request.team.mode
        )
    except NotFound:
        raise Http404 from None
    messages.success(request, "The budget is lifted.")
    return redirect("budgets", team=request.team.organization.slug)
