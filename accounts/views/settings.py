"""What a team may say about itself, and how it is left."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts import factors, roster, sessions
from accounts.access import Permission
from accounts.actions import members, organizations
from accounts.errors import AccountsProblem, InvalidValue
from accounts.forms.teams import RenameForm, RetentionForm, TransferForm
from accounts.models import User
from accounts.shell import TeamRequest, team_page
from accounts.views.stepping import proven, proven_by_factor


@team_page(Permission.USAGE_READ)
@require_http_methods(["GET", "POST"])
def index(request: TeamRequest) -> HttpResponse:
    """All of it on one page; the name is changed here."""
    organization = request.team.organization
    form = RenameForm(request.POST or None, initial={"name": organization.name})
    if request.method == "POST":
        _require(request, Permission.MEMBER_MANAGE)
        if form.is_valid() and _renamed(request, form):
            return redirect("settings", team=organization.slug)
    return _shown(request, form=form)


def _renamed(request: TeamRequest, form: RenameForm) -> bool:
    try:
        organizations.rename(
            organization=request.team.organization, name=form.cleaned_data["name"], by=request.actor
        )
    except InvalidValue as problem:
        form.add_error("name", problem.message)
        return False
    messages.success(request, "The name is saved.")
    return True


def _shown(request: TeamRequest, **forms: RenameForm | RetentionForm) -> HttpResponse:
    team = request.team
    context = {
        "form": forms.get("form") or RenameForm(initial={"name": team.organization.name}),
        "retention": forms.get("retention") or RetentionForm(organization=team.organization),
        "manages": team.may(Permission.MEMBER_MANAGE),
        "owns": team.may(Permission.ORGANIZATION_TRANSFER),
    }
    return render(request, "accounts/settings/index.html", context)


@team_page(Permission.MEMBER_MANAGE)
@require_POST
def retention(request: TeamRequest) -> HttpResponse:
    """How long images and bodies are kept, for what is made from now on."""
    organization = request.team.organization
    form = RetentionForm(request.POST, organization=organization)
    if not form.is_valid():
        return _shown(request, retention=form)
    organizations.set_retention(organization=organization, **form.values(), by=request.actor)
    messages.success(request, "Saved. It counts for what is made from now on.")
    return redirect("settings", team=organization.slug)


@team_page(Permission.MEMBER_MANAGE)
@require_http_methods(["GET", "POST"])
@proven
def two_factors(request: TeamRequest) -> HttpResponse:
    """Whether members need a second factor: who would be kept out, and yes."""
    team = request.team
    mine, required = factors.has_one(request.user), not team.organization.require_two_factors
    if request.method == "POST":
        if required and not mine:
            raise PermissionDenied("Set up your own second factor first: you would lock yourself out.")
        organizations.require_two_factors(organization=team.organization, required=required, by=request.actor)
        told = "Members need a second factor from now on." if required else "A second factor is optional now."
        messages.success(request, told)
        return redirect("settings", team=team.organization.slug)
    without = roster.without_factor(team.organization) if required else []
    context = {"required": required, "mine": mine, "without": without}
    return render(request, "accounts/settings/two_factors.html", context)


@team_page(Permission.USAGE_READ)
@require_http_methods(["GET", "POST"])
def leave(request: TeamRequest) -> HttpResponse:
    """One's own way out."""
    organization = request.team.organization
    if request.method == "POST":
        try:
            members.remove(organization=organization, user=request.user, by=request.actor)
        except AccountsProblem as problem:
            messages.error(request, problem.message)
            return redirect("settings", team=organization.slug)
        sessions.keep(request)
        messages.success(request, f"You left {organization.name}.")
        return redirect("home")
    context = {"keys": roster.personal_keys(organization, request.user.pk)}
    return render(request, "accounts/settings/leave.html", context)


@team_page(Permission.ORGANIZATION_TRANSFER)
@require_http_methods(["GET", "POST"])
@proven_by_factor
def transfer(request: TeamRequest) -> HttpResponse:
    """The team to somebody else; the one who gives it stays as an admin."""
    organization = request.team.organization
    heirs = roster.heirs(organization, request.user.pk)
    form = TransferForm(request.POST or None, organization=organization, heirs=heirs)
    if request.method == "POST" and form.is_valid():
        heir = next(one.user for one in heirs if str(one.user_id) == form.cleaned_data["to"])
        if _transferred(request, form, heir):
            return redirect("settings", team=organization.slug)
    return render(request, "accounts/settings/transfer.html", {"form": form, "heirs": heirs})


def _transferred(request: TeamRequest, form: TransferForm, heir: User) -> bool:
    try:
        members.transfer(organization=request.team.organization, to=heir, by=request.actor)
    except AccountsProblem as problem:
        form.add_error("to", problem.message)
        return False
    sessions.keep(request)
    messages.success(request, f"{heir.email} owns {request.team.organization.name} now. You are an admin.")
    return True


def _require(request: TeamRequest, permission: Permission) -> None:
    if not request.team.may(permission):
        raise PermissionDenied(f"The role {request.team.membership.get_role_display()} cannot do this.")
