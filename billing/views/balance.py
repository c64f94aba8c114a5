"""The balance: what is left, what it is worth, who is told when it runs low, how more comes in."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import directory
from accounts.access import Permission
from accounts.errors import Conflict, InvalidValue, NotFound
from accounts.models import User
from accounts.shell import TeamRequest, team_page
from billing import actions, entries, pricing, standing
from billing.actions import credit
from billing.entries import Wanted
from billing.forms.budgets import AlertForm, CreditForm
from billing.models import Entry
from billing.money import dollars, plain
from billing.views import frame
from billing.views.budgets import bars
from runtime.clock import utc_now

RECENT, ASKED = 8, 5


@never_cache
@login_required
@require_safe
def any_team(request: HttpRequest) -> HttpResponse:
    """Where a refusal for lack of credit leads, which knows no team: to the one there is, or to choose."""
    assert isinstance(request.user, User)
    teams = [membership.organization for membership in directory.memberships_of(request.user)]
    if len(teams) == 1:
        return redirect("billing", team=teams[0].slug)
    return render(request, "billing/choose.html", {"choices": teams})


@team_page(Permission.USAGE_READ)
@require_safe
def index(request: TeamRequest) -> HttpResponse:
    """Everything about the wallet of the mode at a glance."""
    team = request.team
    balance = entries.balance(team.organization, team.mode)
    may_read = team.may(Permission.EXPORT_BILLING)
    context = {
        "balance": balance,
        "worth": standing.worth(team.organization, team.mode, balance.available),
        "alert": standing.alert(team.organization, team.mode),
        "requests": standing.credit_requests(team.organization, team.mode, size=ASKED),
        "lines": entries.page(team.organization, team.mode, Wanted(), size=RECENT) if may_read else [],
        "bars": bars(request)[:RECENT],
        "may_read": may_read,
        "may_manage": team.may(Permission.CREDIT_MANAGE),
        "may_budget": team.may(Permission.KEY_MANAGE),
        "may_see_tasks": team.may(Permission.GENERATION_READ),
        "verify": frame.address(request, "verify"),
        **_links(request),
    }
    return render(request, "billing/index.html", context)


def _links(request: TeamRequest) -> dict[str, str]:
    """Where the numbers lead: to entries for those who see the books, else to what was used."""
    usage = frame.address(request, "usage")
    return {
        "entries_url": frame.entries(request) or usage,
        "held_url": frame.tasks(request, state="running")
        or frame.entries(request, kind=Entry.Kind.HOLD)
        or usage,
        "posted_url": frame.address(request, "statements") if frame.entries(request) else usage,
        "prices_url": frame.address(request, "prices"),
    }


@team_page(Permission.USAGE_READ)
@require_safe
def prices(request: TeamRequest) -> HttpResponse:
    """Every price there was, is and will be."""
    now = utc_now()
    rows = [(version, version.state(now)) for version in pricing.versions()]
    books = request.team.may(Permission.EXPORT_BILLING)
    return render(request, "billing/prices.html", {"rows": rows, "sees_books": books})


# ---- the alert -------------------------------------------------------------------------------


@team_page(Permission.CREDIT_MANAGE)
@require_http_methods(["GET", "POST"])
def alert(request: TeamRequest) -> HttpResponse:
    """Draw the line, or move it."""
    team = request.team
    present = standing.alert(team.organization, team.mode)
    initial = {"threshold": plain(dollars(present.threshold))} if present else {}
    form = AlertForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        actions.set_alert(
            organization=team.organization, threshold=form.amount, by=request.actor, mode=team.mode
        )
        messages.success(request, f"You are told when less than ${plain(dollars(form.amount))} is available.")
        return _back(request)
    balance = entries.balance(team.organization, team.mode)
    return render(request, "billing/alert.html", {"form": form, "alert": present, "balance": balance})


@team_page(Permission.CREDIT_MANAGE)
@require_POST
def delete_alert(request: TeamRequest) -> HttpResponse:
    """Be told no more."""
    try:
        actions.delete_alert(organization=request.team.organization, by=request.actor, mode=request.team.mode)
    except NotFound:
        raise Http404 from None
    messages.success(request, "You are not told any more when the balance runs low.")
    return _back(request)


# ---- requests for credit ---------------------------------------------------------------------


@team_page(Permission.CREDIT_MANAGE)
@require_http_methods(["GET", "POST"])
def request_credit(request: TeamRequest) -> HttpResponse:
    """Ask the operators for credit. A test wallet needs none."""
    team = request.team
    if team.test:
        messages.info(request, "Test wallets refill by themselves. Switch to live to ask for credit.")
        return _back(request)
    form = CreditForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            credit.request(
                organization=team.organization,
                amount=form.nano,
                note=form.cleaned_data["note"],
                by=request.actor,
            )
        except (InvalidValue, Conflict) as problem:
            _refuse(form, problem)
        else:
            messages.success(request, "The operators have your request. You get a mail when it is answered.")
            return _back(request)
    return render(request, "billing/request.html", {"form": form})


def _refuse(form: Form, problem: InvalidValue | Conflict) -> None:
    field = problem.field if isinstance(problem, InvalidValue) and problem.field in form.fields else None
    form.add_error(field, problem.message)


@team_page(Permission.CREDIT_MANAGE)
@require_POST
def withdraw(request: TeamRequest, asked: UUID) -> HttpResponse:
    """Ask no more."""
    try:
        credit.withdraw(organization=request.team.organization, request=asked, by=request.actor)
    except NotFound:
        raise Http404 from None
    except Conflict as problem:
        messages.error(request, problem.message)
    else:
        messages.success(request, "The request is withdrawn.")
    return _back(request)


def _back(request: TeamRequest) -> HttpResponse:
    return redirect(reverse("billing", kwargs={"team": request.team.organization.slug}))
