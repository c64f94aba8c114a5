"""The filters of the audit log. They live in the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from accounts.trail import Wanted


def _day(label: str) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Write the day as 2026-11-21."},
    )


class TrailForm(forms.Form):
    """Who, what, about what, from when until when."""

    about = forms.CharField(
        label="About",
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Key, person, id"}),
    )
    actor = forms.ChoiceField(label="Who", required=False)
    action = forms.ChoiceField(label="What", required=False)
    since = _day("From")
    until = _day("To")

    def __init__(self, *args: Any, actors: Mapping[str, str], actions: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        families = sorted({action.partition(".")[0] for action in actions})
        self.fields["actor"].choices = _kept(self, "actor", "Anybody", actors)  # type: ignore[attr-defined]
        self.fields["action"].choices = _kept(  # type: ignore[attr-defined]
            self,
            "action",
            "Anything",
            {**{family: f"{family}: all" for family in families}, **dict(zip(actions, actions, strict=True))},
        )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", "It ends before it begins.")
        return cleaned

    def wanted(self) -> Wanted:
        """What the filters ask for."""
        asked = self.cleaned_data
        return Wanted(
            actor=asked["actor"],
            action=asked["action"],
            about=asked["about"],
            since=asked["since"],
            until=asked["until"],
        )


def _kept(form: TrailForm, field: str, anything: str, choices: Mapping[str, str]) -> list[tuple[str, str]]:
    """The choices, and the one of the address, which an old link may name."""
    asked = form.data.get(field, "")
    old = [(asked, asked)] if asked and asked not in choices else []
    return [("", anything), *sorted(choices.items(), key=lambda choice: choice[1].lower()), *old]
