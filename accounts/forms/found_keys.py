"""What is asked of those who hold a key and wonder whose it is."""

from __future__ import annotations

import re

from django import forms

from accounts import keys


class FindKeyForm(forms.Form):
    """A whole key, or the beginning of one."""

    key = forms.CharField(
        label="Key or its beginning",
        max_length=200,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": "easel_live_K7c2QmZp9a…"}
        ),
    )


class ReportKeyForm(forms.Form):
    """A key that somebody found, and where."""

    key = forms.CharField(
        label="The key",
        max_length=2000,
        help_text="Or the line it stands in. It begins with easel_live_ or easel_test_.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    found_at = forms.CharField(
        label="Where you found it",
        max_length=500,
        required=False,
        help_text="An address, a repository, a file. The owners read it.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean_key(self) -> str:
        """Told by arithmetic alone: whether there is such a key, nobody learns here."""
        found = list(dict.fromkeys(re.findall(keys.PATTERN, self.cleaned_data["key"])))
        if len(found) > 1:
            raise forms.ValidationError("These are several keys. Report them one by one.")
        if not found or not keys.well_formed(found[0]):
            raise forms.ValidationError(
                "This is no whole key of ours. Copy it again: easel_live_ or easel_test_, "
                "then 48 letters and digits."
            )
        return str(found[0])
