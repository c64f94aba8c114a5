"""Which time, of which timezone, a page is about: the range of usage, the filters of entries. All of it lives
in the address; what makes no sense is named and left out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.utils.dateparse import parse_date, parse_datetime

from accounts.api.fields import ZONES
from accounts.models import Door
from billing.entries import KINDS, Wanted
from billing.models import Entry
from billing.series import Asked
from billing.usage import COLUMNS
from runtime.clock import utc_now

DAY: Final = timedelta(days=1)
CUSTOM, USUAL = "custom", "30"
RANGES: Final = (("7", "7 days"), ("30", "30 days"), ("90", "90 days"), (CUSTOM, "Custom"))
STEPS: Final = (("day", "Day"), ("hour", "Hour"))
GROUPS: Final = {
    "": "Nothing",
    "key": "Key",
    "model": "Model",
    "dialect": "Door",
    "member": "Member",
    "outcome": "Outcome",
}
MOST_DAYS, MOST_DAYS_BY_HOUR = 400, 14
NAMES: Final = {"first": "from", "last": "to", "since": "from", "until": "to"}
"""What fields are called in addresses, as in the management API."""


class ZoneField(forms.CharField):
    """A timezone by its IANA name."""

    def __init__(self) -> None:
        super().__init__(
            label="Timezone",
            required=False,
            max_length=64,
            widget=forms.TextInput(
                attrs={"list": "zones", "autocomplete": "off", "spellcheck": "false", "placeholder": "UTC"}
            ),
        )

    def clean(self, value: Any) -> str:
        name = super().clean(value)
        if name and name not in ZONES:
            raise forms.ValidationError("Name a timezone as IANA does, such as Europe/Berlin or UTC.")
        return str(name)


class _Addressed(forms.Form):
    """A form that is the query of an address. `kept` is the timezone this browser chose before."""

    timezone = ZoneField()

    def __init__(self, data: Mapping[str, Any], *, kept: str = "") -> None:
        super().__init__(data)
        self._kept = kept if kept in ZONES else ""
        self.is_valid()

    def add_prefix(self, field_name: str) -> str:
        return NAMES.get(field_name, field_name)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.cleaned_data.get("timezone") or self._kept or "UTC")

    @property
    def mistakes(self) -> list[str]:
        return [
            error if name == "__all__" else f"{self[name].label}: {error}"
            for name, errors in self.errors.items()
            for error in map(str, errors)
        ]

    def query(self, **changes: Any) -> str:
        """The address of the same page with other values; an empty one is left away."""
        present = {NAMES.get(name, name): value for name, value in self.cleaned_data.items()}
        wanted = {name: value for name, value in {**present, **changes}.items() if value not in ("", None)}
        return f"?{urlencode({name: _plain(value) for name, value in wanted.items()})}"


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


# ---- usage -----------------------------------------------------------------------------------


class UsageForm(_Addressed):
    """A range of whole days of a timezone, in days or hours, by one thing, narrowed by any."""

    range = forms.ChoiceField(choices=RANGES, required=False)
    first = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    last = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    step = forms.ChoiceField(choices=STEPS, required=False)
    by = forms.ChoiceField(label="Group by", choices=GROUPS.items(), required=False)
    key = forms.UUIDField(label="Key", required=False)
    member = forms.UUIDField(label="Member", required=False)
    model = forms.CharField(label="Model", required=False, max_length=100)
    dialect = forms.ChoiceField(label="Door", choices=[("", ""), *Door.choices], required=False)
    outcome = forms.CharField(label="Outcome", required=False, max_length=24)

    def clean(self) -> dict[str, Any]:
        """Days that make no range are left out."""
        cleaned = {name: value for name, value in (super().clean() or {}).items() if value}
        first, last = cleaned.get("first"), cleaned.get("last")
        if cleaned.get("range") != CUSTOM:
            cleaned.pop("first", None), cleaned.pop("last", None)
        elif trouble := _trouble(first, last):
            del cleaned["range"]
            cleaned.pop("first", None), cleaned.pop("last", None)
            self.add_error(None, trouble)
        return cleaned

    @property
    def length(self) -> str:
        """One of RANGES."""
        return str(self.cleaned_data.get("range") or USUAL)

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last day, both meant."""
        if self.length == CUSTOM:
            return self.cleaned_data["first"], self.cleaned_data["last"]
        today = utc_now().astimezone(self.zone).date()
        return today - (int(self.length) - 1) * DAY, today

    @property
    def may_be_hourly(self) -> bool:
        first, last = self.days
        return (last - first).days < MOST_DAYS_BY_HOUR

    @property
    def asked(self) -> Asked:
        first, last = self.days
        by_hour = self.cleaned_data.get("step") == "hour" and self.may_be_hourly
        return Asked(
            since=datetime.combine(first, time(), self.zone),
            until=datetime.combine(last + DAY, time(), self.zone),
            zone=self.zone,
            step="hour" if by_hour else "day",
            by=self.cleaned_data.get("by", ""),
            where=self.where,
        )

    @property
    def where(self) -> dict[str, Any]:
        """The filters that are set."""
        return {name: self.cleaned_data[name] for name in COLUMNS if self.cleaned_data.get(name)}


def _trouble(first: date | None, last: date | None) -> str:
    if first is None or last is None:
        return "Choose the first and the last day of the range."
    if last < first:
        return "The range must end after it begins."
    if (last - first).days >= MOST_DAYS:
        return f"A range has at most {MOST_DAYS} days."
    if not 2000 <= first.year <= last.year <= 2200:
        return "There was nothing then."
    return ""


# ---- entries ---------------------------------------------------------------------------------


class DayField(forms.Field):
    """A day, or a moment with its timezone."""

    widget = forms.DateInput(attrs={"type": "date"})

    def to_python(self, value: Any) -> date | datetime | None:
        text = (value or "").strip()
        if not text:
            return None
        try:
            found = parse_date(text) or parse_datetime(text)
        except ValueError:
            found = None
        if found is None or not 2000 <= found.year <= 2200:
            raise forms.ValidationError("Write a day as 2026-11-20.")
        return found.replace(tzinfo=found.tzinfo or UTC) if isinstance(found, datetime) else found

    def prepare_value(self, value: Any) -> Any:
        """A date input shows no moment."""
        return str(value)[:10] if value else value


class EntriesForm(_Addressed):
    """Entries of a kind, of a task, of a time; a day as the end of a range is meant to its own end."""

    kind = forms.ChoiceField(choices=[("", "Any"), *Entry.Kind.choices], required=False)
    since = DayField(label="From", required=False)
    until = DayField(label="To", required=False)
    generation = forms.UUIDField(label="Task", required=False)

    def clean(self) -> dict[str, Any]:
        return {name: value for name, value in (super().clean() or {}).items() if value}

    @property
    def wanted(self) -> Wanted:
        found = self.cleaned_data
        generation: UUID | None = found.get("generation")
        return Wanted(
            kind=found["kind"] if found.get("kind") in KINDS else "",
            generation=generation,
            since=_moment(found.get("since"), self.zone),
            until=_moment(found.get("until"), self.zone, DAY),
        )


def _moment(value: date | None, zone: ZoneInfo, later: timedelta = timedelta(0)) -> datetime | None:
    """`later` moves a day (a moment is a date, too) on."""
    if value is None or isinstance(value, datetime):
        return value
    return datetime.combine(value + later, time(), zone)


# ---- statements ------------------------------------------------------------------------------


class ZoneForm(_Addressed):
    """Only the timezone."""
