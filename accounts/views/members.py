"""The people of a team: who they are, what they may, and how they go."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts import roster
from accounts.access import Permission, rank
from accounts.actions import members
from accounts.errors import AccountsProblem, NotFound
from accounts.forms.people import ROLE_WORDS, RoleForm
from accounts.models import Role
from accounts.roster import Person
from accounts.shell import TeamRequest, team_page
from accounts.views.addresses import place_of
from accounts.views.stepping import proven
from runtime.slices import Place

SIZE, OPEN_SHOWN = 25, 5


@team_page(Permission.USAGE_READ)
@require_safe
def index(request: TeamRequest) -> HttpResponse:
    """Everybody, the latest first, and who is invited."""
    team, wanted = request.team, _wanted(request)
    people = roster.people(team.organization, place_of(request), **wanted, size=SIZE)
    manages = team.may(Permission.MEMBER_MANAGE)
    query = urlencode({name: value for name, value in wanted.items() if value})
    waiting = roster.invitations(team.organization, "open", Place(), size=OPEN_SHOWN) if manages else None
    context = {
        "people": people,
        "newer": f"?{query}&after={people.slice.newer}" if people.slice.newer else "",
        "older": f"?{query}&before={people.slice.older}" if people.slice.older else "",
        "roles": [(role, people.roles[role.value]) for role in Role],
        "words": [(role.label, ROLE_WORDS[role]) for role in Role],
        **wanted,
        "waiting": waiting,
        "manages": manages,
        "reach": rank(team.role),
    }
    return render(request, "accounts/members/index.html", context)


def _wanted(request: TeamRequest) -> dict[str, str]:
    role = request.GET.get("role", "")
    if role and role not in dict(Role.choices):
        raise Http404
    return {"search": request.GET.get("search", "").replace("\0", "").strip()[:200], "role": role}


@team_page(Permission.MEMBER_MANAGE)
@require_http_methods(["GET", "POST"])
@proven
def change(request: TeamRequest, user: UUID) -> HttpResponse:
    """Another role for one of them."""
    team, person = request.team, _reachable(request, user)
    member = person.membership
    form = RoleForm(request.POST or None, mine=team.role, present=member.role)
    if request.method == "POST" and form.is_valid():
        try:
            changed = members.change_role(
                organization=team.organization,
                user=member.user,
                role=form.cleaned_data["role"],
                by=request.actor,
            )
        except AccountsProblem as problem:
            form.add_error("role", problem.message)
        else:
            messages.success(request, f"{member.user.email} is {changed.get_role_display()} now.")
            return redirect("members", team=team.organization.slug)
    return render(request, "accounts/members/change.html", {"form": form, "person": person})


@team_page(Permission.MEMBER_MANAGE)
@require_http_methods(["GET", "POST"])
@proven
def remove(request: TeamRequest, user: UUID) -> HttpResponse:
    """What goes with a member, and his end."""
    team, person = request.team, _reachable(request, user)
    member = person.membership
    if request.method == "POST":
        try:
            members.remove(organization=team.organization, user=member.user, by=request.actor)
        except AccountsProblem as problem:
            messages.error(request, problem.message)
        else:
            messages.success(request, f"{member.user.email} is no member any more.")
        return redirect("members", team=team.organization.slug)
    context = {"person": person, "keys": roster.personal_keys(team.organization, user)}
    return render(request, "accounts/members/remove.html", context)


def _reachable(request: TeamRequest, user: UUID) -> Person:
    """A member who stands no higher than the one who asks, and is somebody else. Raises Http404,
    PermissionDenied."""
    try:
        person = roster.person(request.team.organization, user)
    except NotFound:
        raise Http404 from None
    if user == request.user.pk:
        raise PermissionDenied("You cannot change your own place. To go, leave the team in its settings.")
    if rank(person.membership.role) > rank(request.team.role):
        raise PermissionDenied("Nobody changes a member whose role is above his own.")
    return person
