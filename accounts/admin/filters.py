"""Filters that need no scan to list their choices.

A `loose` filter has no index of its own: a list that it narrows looks at its newest rows only, and says so
(`accounts.admin.lists`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.admin import ListFilter, SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Door
from runtime.ids import first_id

SPANS = {
    "hour": ("Past hour", timedelta(hours=1)),
    "day": ("Past 24 hours", timedelta(days=1)),
    "week": ("Past 7 days", timedelta(days=7)),
    "month": ("Past 30 days", timedelta(days=30)),
}


class ChoiceFilter(SimpleListFilter):
    """A column with a fixed set of values. `column` is what is compared."""

    loose: ClassVar[bool] = True
    column: ClassVar[str]
    choices_of: ClassVar[tuple[tuple[str, str], ...]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(self.choices_of)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        known = self.value() in {word for word, _ in self.lookup_choices}
        return queryset.filter(**{self.column: self.value()}) if known else queryset.none()


def choice(
    name: str, choices: Any, *, title: str = "", column: str = "", loose: bool = True
) -> type[ChoiceFilter]:
    """A filter on `column` (default: `name`) by these (value, label) pairs."""
    fields = {
        "title": title or name.replace("_", " "),
        "parameter_name": name,
        "column": column or name,
        "choices_of": tuple(choices),
        "loose": loose,
    }
    return type(f"{name.title()}Filter", (ChoiceFilter,), fields)


def doors(name: str = "dialect") -> type[ChoiceFilter]:
    """A filter by the door that was used."""
    return choice(name, Door.choices, title="door")


class RecentFilter(SimpleListFilter):
    """The last hour, day, week or month by a column of times."""

    title = "time"
    parameter_name = "since"
    loose: ClassVar[bool] = True
    column: ClassVar[str] = "created_at"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(word, title) for word, (title, _) in SPANS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        known = SPANS.get(self.value() or "")
        return queryset.filter(**{f"{self.column}__gte": self.since(known[1])}) if known else queryset

    def since(self, length: timedelta) -> Any:
        """The least value of the column that is new enough."""
        return timezone.now() - length


class RecentById(RecentFilter):
    """The same by ids that carry their time, so that the primary key is the index."""

    loose = False
    column = "id"

    def since(self, length: timedelta) -> UUID:
        return first_id(time.time() - length.total_seconds())


class RecentByGeneration(RecentById):
    """For rows whose own ids carry none: by that of their generation."""

    column = "generation_id"


def recent(column: str, *, loose: bool = True) -> type[RecentFilter]:
    """A filter by age on this column of times."""
    return type("Recent", (RecentFilter,), {"column": column, "loose": loose})


# ---- what is typed -------------------------------------------------------------------------------


class TypedFilter(ListFilter):
    """A filter with fields to type into. `names` are its parameters, each with a label and the kind of its
    field; what they hold is kept in the address."""

    template = "admin/filters/typed.html"
    loose: ClassVar[bool] = False
    names: ClassVar[Mapping[str, tuple[str, str]]]

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        for name in self.names:
            if name in params and (value := params.pop(name)[-1].replace("\x00", "").strip()):
                self.used_parameters[name] = value

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return list(self.names)

    def value(self) -> dict[str, str] | None:
        """What was typed; None for nothing."""
        return {name: str(value) for name, value in self.used_parameters.items()} or None

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        """The fields, the rest of the address, and the address without them: one `choice`."""
        rest = {name: value for name, value in changelist.params.items() if name not in self.names}
        typed = ("q", changelist.query) if changelist.query else None
        yield {
            "fields": [
                {"name": name, "label": label, "kind": kind, "value": self.used_parameters.get(name, "")}
                for name, (label, kind) in self.names.items()
            ],
            "rest": [*rest.items(), *([typed] if typed else [])],
            "selected": bool(self.used_parameters),
            "without": "?" + urlencode(rest),
        }


class RangeFilter(TypedFilter):
    """From a day (or a moment of it, UTC) up to and with another."""

    title = "dates (UTC)"
    column: ClassVar[str] = "id"
    names = {"from": ("From", "date"), "to": ("To", "date")}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first, last = self.names
        if begin := self.used_parameters.get(first):
            queryset = queryset.filter(**{f"{self.column}__gte": self.bound(moment_of(str(begin))[0])})
        if end := self.used_parameters.get(last):
            queryset = queryset.filter(**{f"{self.column}__lt": self.bound(moment_of(str(end))[1])})
        return queryset

    def bound(self, moment: datetime) -> Any:
        """A moment as the column has it."""
        return first_id(moment.timestamp())


def moment_of(text: str) -> tuple[datetime, datetime]:
    """A day's beginning and the next one's; a moment twice. Raises IncorrectLookupParameters."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise IncorrectLookupParameters from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment, moment + timedelta(days=1) if len(text) == len("2026-01-01") else moment


def dates(column: str, *, title: str = "dates (UTC)", names: tuple[str, str] = ("from", "to")) -> Any:
    """A range of a column of times that has an index, or of ids that carry them (`id`, ..._id`)."""
    by_id = column == "id" or column.endswith("_id")
    fields = {
        "title": title,
        "column": column,
        "names": {names[0]: ("From", "date"), names[1]: ("To", "date")},
        **({} if by_id else {"bound": lambda self, moment: moment}),
    }
    return type("DatesFilter", (RangeFilter,), fields)


class AddressFilter(TypedFilter):
    """The network address somebody called from."""

    title = "address"
    names = {"ip": ("Address", "text")}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.used_parameters:
            return queryset
        try:
            return queryset.filter(ip=str(ip_address(str(self.used_parameters["ip"]))))
        except ValueError as error:
            raise IncorrectLookupParameters from error
