"""Secrets are shown here and nowhere else: a new key, and a new secret of one. They are in the answer to
the form that made them, never in a session, an address or another page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.access import Permission
from accounts.actions import keys
from accounts.errors import Conflict, InvalidValue
from accounts.forms.key_ends import RotateForm
from accounts.forms.keys import NewKeyForm
from accounts.models import ApiKey, User
from accounts.shell import TeamRequest, team_page
from accounts.views import once
from accounts.views.stepping import proven
from billing import actions as billing
from billing.forms.budgets import USUAL_ALERT, FirstBudgetsForm
from generations import traffic
from generations.views import key_words as words
from generations.views.keys import CALLERS, DAY, address, may_write, pace, require_key
from runtime.clock import utc_now
from runtime.tenancy import tenant


@team_page(Permission.KEY_MANAGE_OWN)
@require_http_methods(["GET", "POST"])
@proven
def create(request: TeamRequest) -> HttpResponse:
    """Ask for a new key, or make it and show its secret."""
    team = request.team
    for_team = team.may(Permission.KEY_MANAGE)
    form = NewKeyForm(
        request.POST or None,
        models=words.models(),
        bases=words.bases(),
        for_team=for_team,
        initial=once.fresh(),
    )
    budgets = FirstBudgetsForm(request.POST or None, prefix="budget") if for_team else None
    wrong = [each for each in (form, budgets) if each is not None and not each.is_valid()]
    if request.method == "POST" and not wrong:
        if made := once.sent_before(request, form):
            return made
        if shown := _make(request, form, budgets):
            return shown
    return render(request, "accounts/keys/new.html", {"form": form, "budgets": budgets})


def _make(request: TeamRequest, form: NewKeyForm, budgets: FirstBudgetsForm | None) -> HttpResponse | None:
    """The page with the secret; None when the form was wrong, which it then says."""
    team, values = request.team, form.values()
    owner: User | None = request.user if form.personal else None
    try:
        with tenant(team.organization):
            key, secret = keys.create(
                organization=team.organization,
                mode=team.mode,
                by=request.actor,
                member=owner,
                created_by=request.user,
                **values,
            )
            _set_budgets(request, key, budgets)
    except InvalidValue as problem:
        refuse(form, problem)
        return None
    once.remember(request, form, address(request, "key", key))
    return render(request, "accounts/keys/made.html", _shown(key, secret) | pace(0))


def _set_budgets(request: TeamRequest, key: ApiKey, budgets: FirstBudgetsForm | None) -> None:
    for period, limit in (budgets.amounts() if budgets else {}).items():
        billing.set_budget(
            organization=request.team.organization,
            period=period,
            limit=limit,
            by=request.actor,
            mode=key.mode,
            key=key.pk,
            alert_percent=USUAL_ALERT,
        )


def _shown(key: ApiKey, secret: str) -> dict[str, Any]:
    return {
        "key": key,
        "secret": secret,
        "base_url": words.base_of(key),
        "shelves": words.shelves(key, secret),
        "limits": words.limits_of(key),
    }


@team_page(Permission.KEY_MANAGE_OWN)
@require_http_methods(["GET", "POST"])
@proven
def rotate(request: TeamRequest, key: UUID) -> HttpResponse:
    """Ask how long the old secret shall work, or make a new one and show it."""
    row = require_key(request, key)
    if not may_write(request, row):
        raise PermissionDenied("Developers rotate their own keys. Ask an owner or admin.")
    form = RotateForm(request.POST or None, initial=once.fresh())
    if request.method == "POST" and form.is_valid():
        if made := once.sent_before(request, form):
            return made
        try:
            row, secret = keys.rotate(key=row, grace=form.period, by=request.actor)
        except Conflict as problem:
            messages.error(request, problem.message)
            return redirect(address(request, "key", row))
        once.remember(request, form, address(request, "key", row))
        return render(request, "accounts/keys/rotated.html", _shown(row, secret))
    context = {
        "form": form,
        "key": row,
        "state": words.state_of(row),
        "in_grace": words.in_grace(row),
        "callers": traffic.callers(request.team.organization, row.pk, utc_now() - DAY, size=CALLERS),
    }
    return render(request, "accounts/keys/rotate.html", context)


def refuse(form: Form, problem: InvalidValue) -> None:
    """Put a verb's refusal where its field stands."""
    named = {"expires_at": "expires_on", "member": "holder"}.get(problem.field, problem.field)
    if named == "scopes" and form.cleaned_data.get("management"):
        named = "management"
    form.add_error(named if named in form.fields else None, problem.message)
