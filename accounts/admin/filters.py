"""Filters that need no scan to list their choices."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Door

SPANS = {
    "hour": ("Past hour", timedelta(hours=1)),
    "day": ("Past 24 hours", timedelta(days=1)),
    "week": ("Past 7 days", timedelta(days=7)),
    "month": ("Past 30 days", timedelta(days=30)),
}


class ChoiceFilter(SimpleListFilter):
    """A column with a fixed set of values. `column` is what is compared."""

    column: ClassVar[str]
    choices_of: ClassVar[tuple[tuple[str, str], ...]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(self.choices_of)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.column: self.value()}) if self.value() else queryset


def choice(name: str, choices: Any, *, title: str = "", column: str = "") -> type[ChoiceFilter]:
    """A filter on `column` (default: `name`) by these (value, label) pairs."""
    fields = {
        "title": title or name.replace("_", " "),
        "parameter_name": name,
        "column": column or name,
        "choices_of": tuple(choices),
    }
    return type(f"{name.title()}Filter", (ChoiceFilter,), fields)


def doors(name: str = "dialect") -> type[ChoiceFilter]:
    """A filter by the door that was used."""
    return choice(name, Door.choices, title="door")


class RecentFilter(SimpleListFilter):
    """The last hour, day, week or month by a column of times."""

    title = "time"
    parameter_name = "since"
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

    column = "id"

    def since(self, length: timedelta) -> UUID:
        return first_id(time.time() - length.total_seconds())


def recent(column: str) -> type[RecentFilter]:
    """A filter by age on this column of times."""
    return type("Recent", (RecentFilter,), {"column": column})


def first_id(second: float) -> UUID:
    """The least version 7 UUID of this Unix time."""
    return UUID(int=int(second * 1000) << 80)
