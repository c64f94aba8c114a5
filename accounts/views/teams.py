"""New teams."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import directory
from accounts.actions import organizations
from accounts.auditing import Actor
from accounts.errors import InvalidValue
from accounts.forms.teams import TeamForm
from accounts.models import User
from accounts.origin import where


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    """A team of one's own, with test credit."""
    assert isinstance(request.user, User)
    form = TeamForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = organizations.found(
                name=form.cleaned_data["name"],
                owner=request.user,
                by=Actor.member(request.user, **where(request)),
            )
        except InvalidValue as problem:
            form.add_error("name", problem.message)
        else:
            messages.success(request, f"{made.name} is yours. Its test mode has credit already.")
            return redirect("overview", team=made.slug)
    return render(request, "accounts/teams/new.html", {"form": form, "first": not _teams(request.user)})


def _teams(user: User) -> int:
    return len(directory.memberships_of(user))
