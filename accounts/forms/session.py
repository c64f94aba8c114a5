"""Coming in: logging in, signing up, a forgotten password, another address."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as allauth
from allauth.core import context as asked
from django import forms
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts import invited
from accounts.actions import organizations
from accounts.auditing import Actor
from accounts.forms.passwords import RULES
from accounts.models import User
from accounts.origin import where

NO_MATCH = "E-mail and password do not match. Check both, or set a new password."
WAIT = "Too many tries. Wait a few minutes, then try again, or set a new password by mail."


def _email(**attributes: Any) -> forms.EmailInput:
    return forms.EmailInput(attrs={"spellcheck": "false", **attributes})


class LogInForm(allauth.LoginForm):  # type: ignore[misc]  # allauth publishes no types
    """E-mail and password. One sentence for every failure: it never tells whether an address is known."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login, password = self.fields["login"], self.fields["password"]
        login.label, login.widget = "E-mail", _email(autocomplete="username webauthn", autofocus=True)
        password.widget.attrs.pop("placeholder", None)
        password.help_text = ""

    def add_prefix(self, field_name: str) -> str:
        """`username` is what password managers look for."""
        return "username" if field_name == "login" else str(super().add_prefix(field_name))


class SignUpForm(allauth.SignupForm):  # type: ignore[misc]  # allauth publishes no types
    """E-mail, password, and what the new team is called. Whoever was invited gets no team of his own: he is
    on his way into another."""

    team = forms.CharField(
        label="Team name",
        max_length=120,
        required=False,
        help_text="You can rename it, and make more.",
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    field_order = ("email", "password1", "team")
    account_already_exists: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        email, password = self.fields["email"], self.fields["password1"]
        email.label, email.widget = "E-mail", _email(autocomplete="email", autofocus=True)
        password.label, password.help_text = "Password", RULES
        password.widget.attrs.pop("placeholder", None)
        if address := invited.address(asked.request):
            email.initial = address
            del self.fields["team"]

    def try_save(self, request: HttpRequest) -> Any:
        """The time taken does not tell that the address is known: its password is hashed as well."""
        if self.account_already_exists:
            make_password(self.cleaned_data["password1"])
            return super().try_save(request)
        try:
            return super().try_save(request)
        except IntegrityError:  # somebody signed up with it a moment ago
            self.account_already_exists = True
            return super().try_save(request)

    @transaction.atomic
    def save(self, request: HttpRequest) -> User:
        user: User = super().save(request)
        if invited.address(request) != user.email:
            name = self.cleaned_data.get("team") or f"{user.get_short_name()}'s team"
            organizations.found(name=name, owner=user, by=Actor.member(user, **where(request)))
        return user


class ResetForm(allauth.ResetPasswordForm):  # type: ignore[misc]  # allauth publishes no types
    """Where to send the link for a new password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "E-mail"
        self.fields["email"].widget = _email(autocomplete="username", autofocus=True)


class ChangeAddressForm(allauth.AddEmailForm):  # type: ignore[misc]  # allauth publishes no types
    """Another address to log in with. It counts from when its mail was answered."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "New e-mail"
        self.fields["email"].widget = _email(autocomplete="email")


class ConfirmForm(allauth.ReauthenticateForm):  # type: ignore[misc]  # allauth publishes no types
    """The password once more."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = ""
        self.fields["password"].widget.attrs |= {"autofocus": True}
        self.fields["password"].widget.attrs.pop("placeholder", None)
