"""Where django-allauth asks us: who may sign up, what a new user gets, what follows from a change of what
somebody logs in with, and how our mail reads."""

from __future__ import annotations

from typing import Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import record_authentication
from allauth.core import context as asked
from allauth.core import ratelimit
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import auditing, guessing, invited, sessions
from accounts.auditing import Actor
from accounts.forms.session import NO_MATCH, WAIT
from accounts.models import User
from accounts.origin import where
from runtime import signing

log = structlog.get_logger(__name__)

# What somebody logs in with has changed: its audit line. Every session but this one ends.
CHANGES = {
    "account/email/password_changed": "user.change_password",
    "account/email/password_reset": "user.reset_password",
    "account/email/password_set": "user.set_password",
    "account/email/email_changed": "user.change_email",
    "mfa/email/totp_activated": "user.add_authenticator_app",
    "mfa/email/totp_deactivated": "user.remove_authenticator_app",
    "mfa/email/webauthn_added": "user.add_passkey",
    "mfa/email/webauthn_removed": "user.remove_passkey",
    "mfa/email/recovery_codes_generated": "user.make_recovery_codes",
}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth publishes no types
    """Logging in and signing up."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "account_inactive": NO_MATCH,
        "email_password_mismatch": NO_MATCH,
        "too_many_login_attempts": WAIT,
        "enter_current_password": "This is not your password.",
        "incorrect_password": "This is not your password.",
        "duplicate_email": "This is your address already.",
        "rate_limited": "Too many requests. Wait a minute, then try again.",
    }

    # ---- who may come in ----

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Everybody, or whoever was invited."""
        return bool(settings.EASEL.signup == "open" or invited.address(request))

    def clean_email(self, email: str) -> str:
        """Where only the invited may sign up, they do so under the address that was invited."""
        signing_up = not self.request.user.is_authenticated and self.request.path == reverse("account_signup")
        expected = invited.address(self.request)
        if signing_up and settings.EASEL.signup == "invited" and email.lower() != expected:
            raise ValidationError(f"Your invitation is for {expected}. Sign up with that address.")
        return email

    def is_email_verified(self, request: HttpRequest, email: str) -> bool:
        """The invitation came by mail to this address, and to no other."""
        return email.lower() == invited.address(request)

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        token = invited.token(request)
        return reverse("invitation", args=[token]) if token else str(super().get_signup_redirect_url(request))

    def is_safe_url(self, url: str | None) -> bool:
        """Only a path of ours: `next` never leads to another host."""
        path = url or ""
        return path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Before the password is looked at: does this address, does this account have to wait?"""
        self._guess = guessing.subject(_typed(credentials), self.get_client_ip(request))
        free = ratelimit.consume(request, action="guess", dry_run=True) and guessing.attempt(self._guess)
        if not free:
            raise self.validation_error("too_many_login_attempts")

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """A deactivated account is answered like a wrong password."""
        user: User | None = super().authenticate(request, **credentials)
        if user is not None and user.is_active:
            guessing.succeeded(self._guess)
            return user
        if user is not None:
            self.authentication_failed(request, **credentials)
        return None

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        ratelimit.consume(request, action="guess")
        by = Actor(auditing.ActorType.SYSTEM, label="log-in", **where(request))
        auditing.record(
            by=by, action="user.log_in_refused", object_type="user", object_label=_typed(credentials)
        )

    def login(self, request: HttpRequest, user: User) -> None:
        super().login(request, user)
        sessions.begin(request)
        # Whoever has just logged in has just shown who he is: no step-up for a quarter of an hour.
        record_authentication(request, user, method="password", reauthenticated=True)
        _note(request, user, "user.log_in")

    # ---- what follows from a change ----

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """allauth tells of every change of a password or a factor here, and nowhere else in one place."""
        if template_prefix in CHANGES:
            self._follow(template_prefix, user)
        super().send_notification_mail(template_prefix, user, context, email)

    def _follow(self, change: str, user: User) -> None:
        _note(self.request, user, CHANGES[change])
        guessing.forgive(user.email)
        if self.request.user == user:
            sessions.end_others(self.request)
        else:
            sessions.end_all(user)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Through trusted proxies only. Behind a Unix socket there is none: all count as one."""
        return where(request)["ip"] or "::"

    # ---- mail ----

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        return f"{settings.EASEL.url}{reverse('account_confirm_email', args=[emailconfirmation.key])}"

    def get_reset_password_from_key_url(self, key: str) -> str:
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        return f"{settings.EASEL.url}{path.replace('UID-KEY', key)}"

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """One that cannot leave is logged, and whoever waits for it is told."""
        try:
            super().send_mail(template_prefix, email, {**context, "origin": settings.EASEL.url})
        except OSError:
            log.exception("mail.failed", template=template_prefix)
            messages.error(asked.request, "The mail could not be sent just now. Try again in some minutes.")


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth publishes no types
    """Second factors."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This code is not valid. Codes change every 30 seconds, and each works once.",
        "unverified_email": "Confirm your e-mail address first.",
    }

    def encrypt(self, text: str) -> str:
        return signing.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return signing.decrypt(encrypted_text)

    def generate_authenticator_name(self, user: User, type: Any) -> str:
        return "Passkey"


def _typed(credentials: dict[str, Any]) -> str:
    return str(credentials.get("email") or credentials.get("username") or "")[:254]


def _note(request: HttpRequest, user: User, action: str) -> None:
    auditing.record(
        by=Actor.member(user, **where(request)),
        action=action,
        object_type="user",
        object_id=user.pk,
        object_label=user.email,
    )
