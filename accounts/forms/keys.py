"""What is asked about API keys. What may be stored is judged by `accounts.actions.key_fields`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django import forms
from django.utils.html import format_html

from accounts.access import KeyScope, ManagementScope
from accounts.models import ApiKey, Door
from runtime.clock import utc_now

SCOPE_WORDS: Final[Mapping[str, str]] = {
    KeyScope.IMAGES_CREATE: "Make images",
    KeyScope.IMAGES_READ: "Read images and tasks",
    KeyScope.UPLOADS_WRITE: "Upload reference pictures",
    KeyScope.CALLBACKS_MANAGE: "Name callback URLs",
    KeyScope.USAGE_READ: "Read balance and usage",
    ManagementScope.READ: "Read the team, its keys and its usage",
    ManagementScope.WRITE: "Change keys, members and budgets",
}
TEAM, ME = "team", "me"
NEVER = "never"
LIVES: Final = (
    ("7", "In 7 days"),
    ("30", "In 30 days"),
    ("90", "In 90 days"),
    ("365", "In one year"),
    (NEVER, "Never"),
)
Choices = Iterable[tuple[str, str]]


class _KeyFields(forms.Form):
    """What a key may do, from where, how often: on the page that makes it and on the one that edits it."""

    scopes = forms.MultipleChoiceField(
        label="At the doors it may",
        choices=[(scope.value, SCOPE_WORDS[scope]) for scope in KeyScope],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="None ticked: all of these.",
    )
    management = forms.MultipleChoiceField(
        label="At the management API it may",
        choices=[(scope.value, SCOPE_WORDS[scope]) for scope in ManagementScope],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="A key that manages makes no images: tick these, or those above.",
    )
    models_allowed = forms.MultipleChoiceField(
        label="Models",
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="None ticked: every model.",
    )
    doors_allowed = forms.MultipleChoiceField(
        label="Doors",
        choices=Door.choices,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="None ticked: every door.",
    )
    networks = forms.CharField(
        label="Networks",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "placeholder": "203.0.113.0/24"}),
        required=False,
        help_text="One IPv4 or IPv6 network or address a line. None: from anywhere.",
    )
    requests_per_minute = forms.IntegerField(
        label="Requests a minute", required=False, help_text="Empty: only the team's own limit."
    )
    concurrency = forms.IntegerField(
        label="Images at once", required=False, help_text="Empty: only the team's own limit."
    )

    def __init__(self, *args: Any, models: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(model, _with_code(title, model)) for model, title in models]
        self.fields["models_allowed"].choices = choices  # type: ignore[attr-defined]

    def clean_networks(self) -> list[str]:
        return re.split(r"[\s,;]+", self.cleaned_data["networks"].strip()) if self._typed("networks") else []

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("scopes") and cleaned.get("management"):
            self.add_error(
                "management",
                "A key either makes images or manages. Make one key for each, or clear one of the two lists.",
            )
        return cleaned

    def _typed(self, field: str) -> bool:
        return bool(self.cleaned_data[field].strip())

    def _limits(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        lists = ("models_allowed", "doors_allowed", "networks")
        return {
            "name": cleaned["name"],
            "home_door": cleaned["home_door"],
            "scopes": tuple(cleaned["scopes"] or cleaned["management"]),
            **{field: tuple(cleaned[field]) for field in lists},
            "requests_per_minute": cleaned["requests_per_minute"],
            "concurrency": cleaned["concurrency"],
        }

    @property
    def basics(self) -> list[forms.BoundField]:
        """What everybody is asked."""
        return [self["name"], self["home_door"]]

    @property
    def extras(self) -> list[forms.BoundField]:
        """What has good defaults."""
        return [field for field in self if field.name not in ("name", "home_door", "once")]

    @property
    def opened(self) -> bool:
        """Whether the extras are shown at once: one of them is wrong."""
        return any(field.errors for field in self.extras)


def _name() -> forms.CharField:
    return forms.CharField(
        max_length=120,
        help_text="What uses it: Website, CI, Ana's laptop.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


def _home_door(bases: Mapping[str, str]) -> forms.ChoiceField:
    return forms.ChoiceField(
        label="Home door",
        choices=[(door.value, _with_code(door.label, bases[door])) for door in Door],
        widget=forms.RadioSelect,
        help_text="Whose words your client speaks. The key works at the other doors too.",
    )


def _with_code(title: str, code: str) -> str:
    return format_html('<span>{} <code class="choice-code">{}</code></span>', title, code)


class NewKeyForm(_KeyFields):
    """A new key: its name and home door, and under "More" everything else. `once` lets the form make
    one key, however often it is sent."""

    expires = forms.ChoiceField(label="Expires", choices=LIVES, initial="365")
    once = forms.CharField(widget=forms.HiddenInput, max_length=40)

    def __init__(
        self, *args: Any, models: Choices, bases: Mapping[str, str], for_team: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, models=models, **kwargs)
        holders = [(TEAM, "The team: it stays when people leave")] if for_team else []
        self.fields["holder"] = forms.ChoiceField(
            label="Belongs to",
            choices=[*holders, (ME, "You: it may do what your role may, and ends with your membership")],
            initial=(TEAM if for_team else ME),
            widget=forms.RadioSelect,
        )
        self.fields["name"], self.fields["home_door"] = _name(), _home_door(bases)
        self.initial.setdefault("home_door", Door.OPENAI)
        self.order_fields(["name", "home_door", "holder", "expires"])

    @property
    def personal(self) -> bool:
        return bool(self.cleaned_data["holder"] == ME)

    def values(self) -> dict[str, Any]:
        """For `accounts.actions.keys.create`."""
        days = self.cleaned_data["expires"]
        expires = None if days == NEVER else utc_now() + timedelta(days=int(days))
        return {**self._limits(), "expires_at": expires}


class EditKeyForm(_KeyFields):
    """What may be changed of a key."""

    expires_on = forms.DateField(
        label="Expires after",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="It works to the end of that day, UTC. Empty: it never expires.",
    )

    def __init__(self, data: Any = None, *, key: ApiKey, models: Choices, bases: Mapping[str, str]) -> None:
        super().__init__(data, initial=_present(key), models=models)
        self._key = key
        self.fields["name"], self.fields["home_door"] = _name(), _home_door(bases)
        self._keep_unknown_models(key)
        self.order_fields(["name", "home_door", "expires_on"])

    def _keep_unknown_models(self, key: ApiKey) -> None:
        """Names that the catalogue does not show (another vendor's, a hidden one's) can be kept."""
        field = self.fields["models_allowed"]
        shown = [value for value, _ in field.choices]  # type: ignore[attr-defined]
        field.choices += [(n, n) for n in key.models_allowed if n not in shown]  # type: ignore[attr-defined]

    def changes(self) -> dict[str, Any]:
        """For `accounts.actions.keys.edit`."""
        fields = {
            name: list(value) if isinstance(value, tuple) else value for name, value in self._limits().items()
        }
        day: date | None = self.cleaned_data["expires_on"]
        if day != _last_day(self._key):
            fields["expires_at"] = _end_of(day) if day else None
        return fields


def _present(key: ApiKey) -> dict[str, Any]:
    managing = [scope for scope in key.scopes if scope in list(ManagementScope)]
    return {
        "name": key.name,
        "home_door": key.home_door,
        "scopes": [] if managing else key.scopes,
        "management": managing,
        "models_allowed": key.models_allowed,
        "doors_allowed": key.doors_allowed,
        "networks": "\n".join(key.networks),
        "requests_per_minute": key.requests_per_minute,
        "concurrency": key.concurrency,
        "expires_on": _last_day(key),
    }


def _last_day(key: ApiKey) -> date | None:
    """The last day on which it works, if only for a part of it."""
    return (key.expires_at - timedelta(microseconds=1)).astimezone(UTC).date() if key.expires_at else None


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), UTC)
