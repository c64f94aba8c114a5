"""What is done to a key: its limits and budgets changed, its end."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import Permission
from accounts.actions import keys
from accounts.errors import Conflict, InvalidValue, NotFound
from accounts.forms.key_ends import RevokeForm
from accounts.forms.keys import EditKeyForm
from accounts.models import ApiKey
from accounts.shell import TeamRequest, team_page
from billing import actions as billing
from billing.forms.budgets import USUAL_ALERT, BudgetForm
from billing.money import dollars, plain
from generations import traffic
from generations.views import key_words as words
from generations.views.key_making import refuse
from generations.views.keys import CALLERS, DAY, Bar, address, bars_of, may_write, require_key
from runtime.clock import utc_now


@team_page(Permission.KEY_MANAGE_OWN)
@require_http_methods(["GET", "POST"])
def edit(request: TeamRequest, key: UUID) -> HttpResponse:
    """Change name, home door, limits, scopes, lists, expiry: from the next request on."""
    row = _writable(request, key)
    form = EditKeyForm(request.POST or None, key=row, models=words.models(), bases=words.bases())
    if request.method == "POST" and form.is_valid():
        try:
            keys.edit(key=row, changes=form.changes(), by=request.actor)
        except InvalidValue as problem:
            refuse(form, problem)
        except Conflict as problem:
            messages.error(request, problem.message)
            return redirect(address(request, "key", row))
        else:
            messages.success(request, "Saved. It counts from the key's next request.")
            return redirect(address(request, "key", row))
    return render(request, "accounts/keys/edit.html", {"form": form, "key": row})


@team_page(Permission.KEY_MANAGE_OWN)
@require_http_methods(["GET", "POST"])
def revoke(request: TeamRequest, key: UUID) -> HttpResponse:
    """Say what will happen and ask for its name, or end it."""
    row = _writable(request, key)
    form = RevokeForm(request.POST or None, key=row)
    if request.method == "POST" and form.is_valid():
        keys.revoke(key=row, reason=form.cleaned_data["reason"], by=request.actor)
        messages.success(request, f"{row.name} is revoked. Requests with it are refused from now on.")
        return redirect(address(request, "key", row))
    organization, since = request.team.organization, utc_now() - DAY
    context = {
        "form": form,
        "key": row,
        "state": words.state_of(row),
        "in_grace": words.in_grace(row),
        "callers": traffic.callers(organization, row.pk, since, size=CALLERS),
        "requests": traffic.requests(organization, row.pk, since),
        "under_way": traffic.under_way(organization, row.pk),
    }
    return render(request, "accounts/keys/revoke.html", context)


@team_page(Permission.KEY_MANAGE_OWN)
@require_POST
def end_grace(request: TeamRequest, key: UUID) -> HttpResponse:
    """End the secret from before the last rotation, sooner than was said."""
    row = _writable(request, key)
    if keys.end_grace(key=row, by=request.actor):
        messages.success(request, "The old secret is refused from now on.")
    else:
        messages.info(request, "There is no old secret that works.")
    return redirect(address(request, "key", row))


@team_page(Permission.KEY_MANAGE_OWN)
@require_POST
def thaw(request: TeamRequest, key: UUID) -> HttpResponse:
    """Let a key work again that the leak guard froze: one click."""
    row = _writable(request, key)
    try:
        keys.thaw(key=row, by=request.actor)
    except Conflict as problem:
        messages.error(request, problem.message)
    else:
        messages.success(request, f"{row.name} works again from its next request.")
    return redirect(address(request, "key", row))


def _writable(request: TeamRequest, key: UUID) -> ApiKey:
    """Raises Http404, PermissionDenied."""
    row = require_key(request, key)
    if not may_write(request, row):
        raise PermissionDenied("Developers change their own keys. Ask an owner or admin.")
    return row


# ---- budgets ---------------------------------------------------------------------------------


@team_page(Permission.KEY_MANAGE)
@require_http_methods(["GET", "POST"])
def set_budget(request: TeamRequest, key: UUID) -> HttpResponse:
    """Limit what the key may spend in a period; the same period again changes the limit."""
    row = require_key(request, key)
    bars = bars_of(request, row)
    form = BudgetForm(request.POST or None, initial=_present(bars, request.GET.get("period", "month")))
    if request.method == "POST" and form.is_valid():
        try:
            _set(request, row, form)
        except InvalidValue as problem:
            refuse(form, problem)
        else:
            messages.success(request, "The budget is set. It counts from the next order on.")
            return redirect(address(request, "key", row))
    context = {"form": form, "key": row, "bars": bars}
    return render(request, "accounts/keys/budget.html", context)


def _set(request: TeamRequest, key: ApiKey, form: BudgetForm) -> None:
    billing.set_budget(
        organization=request.team.organization,
        period=form.cleaned_data["period"],
        limit=form.amount,
        by=request.actor,
        mode=key.mode,
        key=key.pk,
        alert_percent=form.cleaned_data["alert_percent"] or 0,
    )


def _present(bars: list[Bar], period: str) -> dict[str, Any]:
    """The budget of a period as it stands, or what a new one begins with."""
    for bar in bars:
        if bar.budget.period == period:
            limit = plain(dollars(bar.budget.limit))
            return {"period": period, "limit": limit, "alert_percent": bar.budget.alert_percent}
    return {"period": period, "alert_percent": USUAL_ALERT}


@team_page(Permission.KEY_MANAGE)
@require_POST
def delete_budget(request: TeamRequest, key: UUID, budget: UUID) -> HttpResponse:
    """Lift a limit."""
    row = require_key(request, key)
    if budget not in [bar.budget.id for bar in bars_of(request, row)]:
        raise Http404
    try:
        billing.delete_budget(
            organization=request.team.organization, budget=budget, by=request.actor, mode=row.mode
        )
    except NotFound:
        raise Http404 from None
    messages.success(request, "The budget is lifted.")
    return redirect(address(request, "key", row))
