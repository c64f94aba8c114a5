"""What is asked about a team: its name, what it keeps, whom it goes to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django import forms
from django.conf import settings

from accounts.actions.organizations import FOREVER_HOURS
from accounts.models import Membership, Organization

PLATFORM: Final = "platform"
DAY: Final = 24
IMAGE_CHOICES: Final = (
    (1, "1 hour"),
    (DAY, "1 day"),
    (7 * DAY, "7 days"),
    (30 * DAY, "30 days"),
    (90 * DAY, "90 days"),
    (365 * DAY, "1 year"),
    (FOREVER_HOURS, "Until you delete them"),
)
BODY_CHOICES: Final = (
    (0, "Store nothing"),
    (1, "1 hour"),
    (DAY, "1 day"),
    (7 * DAY, "7 days"),
    (30 * DAY, "30 days"),
    (90 * DAY, "90 days"),
)


def _name() -> forms.CharField:
    return forms.CharField(
        label="Name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "organization"})
    )


class TeamForm(forms.Form):
    """A new team."""

    name = _name()


class RenameForm(forms.Form):
    """What the team is called."""

    name = _name()


def _hours(text: str) -> int | None:
    return None if text == PLATFORM else int(text)


class RetentionForm(forms.Form):
    """How long what it made, and what it was asked, is kept."""

    images = forms.TypedChoiceField(label="Images", coerce=_hours)
    bodies = forms.TypedChoiceField(
        label="Request bodies",
        coerce=_hours,
        help_text="What programs sent and were answered. Keys and pictures are never part of it.",
    )

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        present = {
            "images": organization.image_retention_hours,
            "bodies": organization.body_retention_hours,
        }
        super().__init__(*args, **kwargs)
        days = settings.EASEL.retention_days
        usual = (PLATFORM, f"As the platform does: {days} {'day' if days == 1 else 'days'}")
        for field, known in (("images", IMAGE_CHOICES), ("bodies", BODY_CHOICES)):
            self.fields[field].choices = [usual, *_with(known, present[field])]  # type: ignore[attr-defined]
            self.fields[field].initial = PLATFORM if present[field] is None else present[field]

    def values(self) -> dict[str, int | None]:
        """For `accounts.actions.organizations.set_retention`."""
        return {"image_hours": self.cleaned_data["images"], "body_hours": self.cleaned_data["bodies"]}


def _with(known: Sequence[tuple[int, str]], present: int | None) -> list[tuple[int, str]]:
    """The choices, and what is set already if it is none of them."""
    if present is None or present in dict(known):
        return [*known]
    return sorted([*known, (present, f"{present} hours")])


class TransferForm(forms.Form):
    """Who gets the team, and its name typed as a sign that it is meant."""

    to = forms.ChoiceField(label="New owner")
    name = forms.CharField(
        max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    )

    def __init__(
        self, *args: Any, organization: Organization, heirs: Iterable[Membership], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._name = organization.name
        self.fields["name"].label = f"Type {organization.name} to confirm"
        choices = [(str(heir.user_id), _shown(heir)) for heir in heirs]
        self.fields["to"].choices = [("", "Choose a member"), *choices]  # type: ignore[attr-defined]

    def clean_name(self) -> str:
        if self.cleaned_data["name"].strip() != self._name.strip():
            raise forms.ValidationError(f"Type the team's name as it stands there: {self._name}")
        return self._name


def _shown(member: Membership) -> str:
    named = f"{member.user.name} · " if member.user.name else ""
    return f"{named}{member.user.email} ({member.get_role_display()})"
