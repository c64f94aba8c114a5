"""What is said of a bad image."""

from __future__ import annotations

from django import forms

from generations.actions.contests import LONGEST


class ReportForm(forms.Form):
    """One line, or nothing."""

    reason = forms.CharField(
        label="What is wrong with it",
        required=False,
        max_length=LONGEST,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"max_length": f"Use at most {LONGEST} characters."},
    )
