"""New passwords: 12 to 128 characters, any of them, and none that everybody guesses first."""

from __future__ import annotations

from typing import Any, Final

from allauth.account import forms as allauth
from django.core.exceptions import ValidationError

LONGEST: Final = 128
RULES: Final = "12 characters or more. A few words in a row are easy to keep and hard to guess."


class MaximumLengthValidator:
    """A bound on what is hashed."""

    def validate(self, password: str, user: Any = None) -> None:
        if len(password) > LONGEST:
            raise ValidationError(f"Use at most {LONGEST} characters.", code="password_too_long")

    def get_help_text(self) -> str:
        return f"At most {LONGEST} characters."


class _Twice:
    """Two fields for a new password, in our words."""

    fields: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        new, again = self.fields["password1"], self.fields["password2"]
        new.label, new.help_text, again.label = "New password", RULES, "The same again"
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)


class NewPasswordForm(_Twice, allauth.ResetPasswordKeyForm):  # type: ignore[misc]  # allauth has no types
    """After a link from the mail."""


class SetPasswordForm(_Twice, allauth.SetPasswordForm):  # type: ignore[misc]  # allauth has no types
    """For an account without one."""


class ChangePasswordForm(_Twice, allauth.ChangePasswordForm):  # type: ignore[misc]  # allauth has no types
    """The present one, and the new one twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].label = "Present password"
        self.fields["oldpassword"].help_text = ""
