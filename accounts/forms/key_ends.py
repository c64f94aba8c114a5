"""What is asked before a key's secret changes, and before it ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django import forms

from accounts.models import ApiKey

GRACES: Final = (
    ("0", "Stop it now"),
    ("3600", "1 hour"),
    ("86400", "24 hours"),
    ("604800", "7 days"),
)


class RotateForm(forms.Form):
    """How long the old secret goes on working."""

    grace = forms.ChoiceField(
        label="The old secret works for",
        choices=GRACES,
        initial="86400",
        widget=forms.RadioSelect,
        help_text="Long enough to bring the new secret to everything that uses the key.",
    )
    once = forms.CharField(widget=forms.HiddenInput, max_length=40)

    @property
    def period(self) -> timedelta:
        return timedelta(seconds=int(self.cleaned_data["grace"]))


class RevokeForm(forms.Form):
    """The end of a key: why, and its name typed as a sign that it is meant."""

    reason = forms.CharField(
        max_length=200,
        required=False,
        help_text="For the audit log, and for whoever asks why it stopped.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    name = forms.CharField(
        max_length=200,
        strip=True,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, key: ApiKey, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._name = key.name
        self.fields["name"].label = f"Type {key.name} to confirm"

    def clean_name(self) -> str:
        if self.cleaned_data["name"] != self._name.strip():
            raise forms.ValidationError(f"Type the key's name as it stands there: {self._name}")
        return self._name
