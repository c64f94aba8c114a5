"""Invitations: sent by a team, answered by whoever reads the mail."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import invited, roster
from accounts.access import Permission
from accounts.actions import invitations
from accounts.auditing import Actor
from accounts.errors import AccountsProblem, InvalidValue, NotAllowed, NotFound
from accounts.forms.people import InviteForm
from accounts.models import Invitation, User
from accounts.origin import where
from accounts.roster import INVITATION_STATES
from accounts.shell import TeamRequest, team_page
from accounts.views.addresses import place_of
from accounts.views.stepping import proven
from runtime.clock import utc_now

SIZE = 25


@team_page(Permission.MEMBER_MANAGE)
@require_safe
def index(request: TeamRequest) -> HttpResponse:
    """All that were sent, in the state that the address names."""
    team, state = request.team, request.GET.get("state", "open")
    if state not in INVITATION_STATES:
        raise Http404
    page = roster.invitations(team.organization, state, place_of(request), size=SIZE)
    now = utc_now()
    context = {
        "rows": [(row, row.state(now)) for row in page.rows],
        "newer": f"?state={state}&after={page.newer}" if page.newer else "",
        "older": f"?state={state}&before={page.older}" if page.older else "",
        "state": state,
        "counts": roster.invitation_counts(team.organization),
    }
    return render(request, "accounts/invitations/index.html", context)


@team_page(Permission.MEMBER_MANAGE)
@require_http_methods(["GET", "POST"])
@proven
def create(request: TeamRequest) -> HttpResponse:
    """Whom, and as what."""
    form = InviteForm(request.POST or None, mine=request.team.role)
    if request.method == "POST" and form.is_valid():
        try:
            made, sent = invitations.create(
                organization=request.team.organization, **form.cleaned_data, by=request.actor
            )
        except AccountsProblem as problem:
            form.add_error(problem.field if isinstance(problem, InvalidValue) else "email", problem.message)
        else:
            return _told(request, made, sent)
    return render(request, "accounts/invitations/new.html", {"form": form})


@team_page(Permission.MEMBER_MANAGE)
@require_POST
def resend(request: TeamRequest, invitation: UUID) -> HttpResponse:
    """A new link by mail; the old one ends."""
    try:
        made, sent = invitations.resend(
            organization=request.team.organization, invitation=invitation, by=request.actor
        )
    except AccountsProblem as problem:
        return _refused(request, problem)
    return _told(request, made, sent)


@team_page(Permission.MEMBER_MANAGE)
@require_POST
def revoke(request: TeamRequest, invitation: UUID) -> HttpResponse:
    """Its link opens nothing any more."""
    try:
        row = invitations.revoke(
            organization=request.team.organization, invitation=invitation, by=request.actor
        )
    except AccountsProblem as problem:
        return _refused(request, problem)
    messages.success(request, f"The invitation of {row.email} is revoked. Its link opens nothing any more.")
    return redirect("members", team=request.team.organization.slug)


def _told(request: TeamRequest, made: Invitation, sent: bool) -> HttpResponse:
    if sent:
        messages.success(request, f"An invitation is on its way to {made.email}. It is good for 7 days.")
    else:
        messages.warning(
            request, f"{made.email} is invited, but the mail could not be sent just now. Resend it later."
        )
    return redirect("members", team=request.team.organization.slug)


def _refused(request: TeamRequest, problem: AccountsProblem) -> HttpResponse:
    if isinstance(problem, NotFound):
        raise Http404
    messages.error(request, problem.message)
    return redirect("invitations", team=request.team.organization.slug)


# ---- the other side --------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "POST"])
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """Who invites, to what, as what; and yes. Without a login: the way to log in or to sign up."""
    try:
        found = invited.find(token)
    except NotFound:
        raise Http404 from None
    invited.remember(request, token)
    user = request.user if isinstance(request.user, User) else None
    if request.method == "POST" and user is not None:
        return _accept(request, token, user)
    return _asked(request, found, token)


def _asked(
    request: HttpRequest, found: Invitation, token: str, problem: str = "", status: int = 0
) -> HttpResponse:
    state = found.state(utc_now())
    context = {
        "invitation": found,
        "state": state,
        "token": token,
        "mine": isinstance(request.user, User) and request.user.email.lower() == found.email,
        "problem": problem,
    }
    return render(
        request,
        "accounts/invitations/answer.html",
        context,
        status=status or (200 if state == "open" else 410),
    )


def _accept(request: HttpRequest, token: str, user: User) -> HttpResponse:
    try:
        membership = invitations.accept(token=token, user=user, by=Actor.member(user, **where(request)))
    except AccountsProblem as problem:
        status = 403 if isinstance(problem, NotAllowed) else 409
        return _asked(request, invited.find(token), token, problem.message, status)
    invited.forget(request)
    team = membership.organization
    messages.success(request, f"Welcome to {team.name}. You are {membership.get_role_display()} here.")
    return redirect("overview", team=team.slug)
