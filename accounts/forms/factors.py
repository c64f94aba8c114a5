"""Second factors: codes and passkeys."""

from __future__ import annotations

import struct
from typing import Any

from allauth.mfa.base import forms as base
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn import forms as webauthn
from cryptography.exceptions import InvalidSignature


class _Code:
    """A code that telephones offer to fill in."""

    fields: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["code"]
        field.label, field.max_length = "Code", 20
        field.widget.attrs.pop("placeholder", None)
        field.widget.attrs |= {"autofocus": True, "inputmode": "numeric", "spellcheck": "false"}


class CodeForm(_Code, base.AuthenticateForm):  # type: ignore[misc]  # allauth publishes no types
    """After the password."""


class ConfirmCodeForm(_Code, base.ReauthenticateForm):  # type: ignore[misc]  # allauth publishes no types
    """Before something that matters."""


class ActivateForm(_Code, totp.ActivateTOTPForm):  # type: ignore[misc]  # allauth publishes no types
    """The first code of an authenticator app."""


# What allauth and fido2 raise when they read something that is no credential.
_NONSENSE = (KeyError, TypeError, ValueError, AttributeError, IndexError, InvalidSignature, struct.error)


class _Credential:
    """What a browser says a passkey said. Anybody can post anything here."""

    def full_clean(self) -> None:
        try:
            super().full_clean()  # type: ignore[misc]  # a form's
        except _NONSENSE:
            self.add_error("credential", "This passkey could not be read. Try again.")  # type: ignore[attr-defined]


class LogInPasskeyForm(_Credential, webauthn.LoginWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    """In place of password and code."""


class CodePasskeyForm(_Credential, webauthn.AuthenticateWebAuthnForm):  # type: ignore[misc]  # no types
    """After the password."""


class ConfirmPasskeyForm(_Credential, webauthn.ReauthenticateWebAuthnForm):  # type: ignore[misc]  # no types
    """Before something that matters."""


class PasskeyForm(_Credential, webauthn.AddWebAuthnForm):  # type: ignore[misc]  # allauth publishes no types
    """A passkey, and whether it opens the account by itself."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = "Name"
        self.fields["name"].help_text = "Which device it is on: Ana's laptop, blue key."
        self.fields["passwordless"].label = "Log in with it alone, without a password"
        self.fields["passwordless"].help_text = "The device then asks for your finger, face or PIN."
