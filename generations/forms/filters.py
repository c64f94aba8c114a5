"""What the lists of images, tasks and requests are narrowed by. Filters live in the address; one that
makes no sense is named and left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from django import forms
from django.utils.dateparse import parse_date, parse_datetime

from accounts.models import Door
from generations.listing import CallFilters, Filters
from generations.models.generation import STATES

DAY: Final = timedelta(days=1)
MANAGEMENT: Final = ("management", "Management API")
HUNDREDS: Final = (("2", "2xx answered"), ("4", "4xx refused"), ("5", "5xx failed"))
Choices = Iterable[tuple[str, str]]


class MomentField(forms.Field):
    """A day, or a moment with its timezone; days are UTC's. A day as the `end` of a range is meant to its
    own end."""

    widget = forms.DateInput(attrs={"type": "date"})

    def __init__(self, *, end: bool = False, **options: Any) -> None:
        super().__init__(required=False, **options)
        self._end = end

    def to_python(self, value: Any) -> datetime | None:
        text = (value or "").strip()
        if not text:
            return None
        try:
            day, moment = parse_date(text), parse_datetime(text)
        except ValueError:
            day = moment = None
        if day is not None and "T" not in text:
            return datetime.combine(day, time(), UTC) + (DAY if self._end else timedelta(0))
        if moment is None:
            raise forms.ValidationError("Write a day as 2026-11-20.")
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class _RangeForm(forms.Form):
    """A list of an organization, of one key and of a time. `used` are the filters that narrow it."""

    key = forms.ChoiceField(required=False)
    since = MomentField(label="From")
    until = MomentField(label="To", end=True)

    def __init__(self, *args: Any, keys: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["key"] = _choice("Key", keys, self.data.get("key", ""))

    def add_prefix(self, field_name: str) -> str:
        """In addresses a range is `from` and `to`, as in the management API."""
        return {"since": "from", "until": "to"}.get(field_name, field_name)

    @property
    def chosen(self) -> dict[str, Any]:
        """What was said and makes sense."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}

    @property
    def used(self) -> Iterator[tuple[str, str]]:
        """The name in the address and the words of each filter that is set, for its chip."""
        for name, value in self.chosen.items():
            if name != "state":
                words = self.data.get(self.add_prefix(name)) if name in ("since", "until") else value
                yield self.add_prefix(name), f"{self.fields[name].label}: {self._worded(name, words)}"

    def _worded(self, name: str, value: Any) -> str:
        choices = dict(getattr(self.fields[name], "choices", ()))
        return str(choices.get(value, value))


class FilterForm(_RangeForm):
    """Generations: by text of the prompt or an id of any door, state, model, door, key and time."""

    q = forms.CharField(
        label="Search",
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Prompt or task id"}),
    )
    state = forms.MultipleChoiceField(choices=STATES, required=False)
    model = forms.ChoiceField(required=False)
    dialect = forms.ChoiceField(label="Door", choices=[("", "Any door"), *Door.choices], required=False)
    field_order = ("q", "model", "dialect", "key", "since", "until")

    def __init__(self, *args: Any, models: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["model"] = _choice("Model", models, self.data.get("model", ""))
        self.order_fields(self.field_order)

    @property
    def filters(self) -> Filters:
        found = self.chosen
        return Filters(
            states=tuple(found.get("state", ())),
            model=found.get("model", ""),
            dialect=found.get("dialect", ""),
            key=UUID(found["key"]) if "key" in found else None,
            since=found.get("since"),
            until=found.get("until"),
            text=found.get("q", ""),
        )


class CallFilterForm(_RangeForm):
    """Calls: by status, door, key, address, request id, generation and time."""

    q = forms.CharField(
        label="Search",
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Request id or task id"}),
    )
    status = forms.IntegerField(required=False, min_value=100, max_value=599)
    hundred = forms.ChoiceField(label="Status", choices=HUNDREDS, required=False)
    door = forms.ChoiceField(choices=[("", "Any door"), *Door.choices, MANAGEMENT], required=False)
    ip = forms.GenericIPAddressField(label="Address", required=False)
    generation = forms.UUIDField(label="Task", required=False)
    request_id = forms.CharField(label="Request id", required=False, max_length=64)
    field_order = ("q", "hundred", "status", "door", "key", "ip", "since", "until")

    @property
    def filters(self) -> CallFilters:
        found = self.chosen
        return CallFilters(
            status=found.get("status"),
            hundred=int(found["hundred"]) if "hundred" in found else None,
            door=found.get("door", ""),
            key=UUID(found["key"]) if "key" in found else None,
            ip=found.get("ip", ""),
            request_id=found.get("request_id", "") or found.get("q", ""),
            generation=found.get("generation"),
            since=found.get("since"),
            until=found.get("until"),
        )


def _choice(noun: str, choices: Choices, present: str) -> forms.ChoiceField:
    """Any of them, or what the address names although it is not among them (an old key, a hidden model)."""
    known = [("", f"Any {noun.lower()}"), *choices]
    if present and present not in dict(known) and (noun != "Key" or _is_id(present)):
        known.append((present, present))
    return forms.ChoiceField(label=noun, choices=known, required=False)


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
