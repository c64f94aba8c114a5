"""The person behind the login, whatever teams he belongs to."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import directory, factors
from accounts.actions import users
from accounts.forms.people import ProfileForm
from accounts.models import User


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Name, address, how safe the login is, and where he belongs."""
    assert isinstance(request.user, User)
    form = ProfileForm(request.POST or None, initial={"name": request.user.name})
    if request.method == "POST" and form.is_valid():
        users.rename(user=request.user, name=form.cleaned_data["name"])
        messages.success(request, "Your name is saved.")
        return redirect("profile")
    context = {
        "form": form,
        "memberships": directory.memberships_of(request.user),
        "two_factors": factors.has_one(request.user),
        "session_count": UserSession.objects.filter(user=request.user).count(),
    }
    return render(request, "accounts/profile.html", context)


@login_required
@require_POST
def end_session(request: HttpRequest, session: int) -> HttpResponse:
    """Log out one of one's other browsers."""
    found = UserSession.objects.filter(user=request.user, pk=session).first()
    if found is None:
        raise Http404
    found.end()
    messages.success(request, "That browser is logged out.")
    return redirect("usersessions_list")
