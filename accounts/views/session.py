"""In and out."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from accounts.forms import LogInForm


class LogIn(LoginView):
    """Ask for e-mail and password, then go on to `next` (only a path of ours) or home."""

    form_class = LogInForm
    template_name = "accounts/login.html"
    redirect_authenticated_user = True
    next_page = "home"


@method_decorator(never_cache, name="dispatch")
class LogOut(LogoutView):
    """End the session. POST only, so that no foreign page can do it with an image."""

    next_page = "home"
