"""Usage by organization, day, model, door or outcome, with the totals of what is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Self

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.paginator import InvalidPage
from django.db.models import QuerySet, Sum
from django.db.models.functions import TruncDay
from django.http import HttpRequest
from unfold.views import ChangeList

from accounts.access import Permission
from accounts.admin import search
from accounts.admin.base import ReadOnlyAdmin
from accounts.admin.columns import (
    NOTHING,
    Column,
    column,
    count,
    figures,
    mode,
    mono,
    plain,
    tag,
)
from accounts.admin.filters import SPANS, RecentFilter, choice, doors
from accounts.admin.lists import BoundedPaginator
from accounts.models import Organization
from billing.admin.columns import amount, money, tokens
from billing.models import Usage

MEASURES = ("generations", "images", "tokens", "amount", "milliseconds")
SUMS = {f"sum_{name}": Sum(name, default=0) for name in MEASURES}


@dataclass(frozen=True, slots=True)
class Totals:
    """What rows of usage come to. `amount` in nano-dollars, `milliseconds` from submit to final."""

    generations: int = 0
    images: int = 0
    tokens: int = 0
    amount: int = 0
    milliseconds: int = 0

    @classmethod
    def of(cls, rows: QuerySet[Usage]) -> Self:
        """In one query."""
        summed = rows.order_by().aggregate(**SUMS)
        return cls(**{name: int(summed[f"sum_{name}"]) for name in MEASURES})

    def shown(self) -> list[tuple[str, str]]:
        """As the page shows them."""
        return [
            ("Charged", amount(self.amount)),
            ("Tokens", f"{self.tokens:,}"),
            ("Images", f"{self.images:,}"),
            ("Generations", f"{self.generations:,}"),
        ]


class PeriodFilter(RecentFilter):
    """The past week unless asked otherwise: by the index of quarters, so that all of time is a choice."""

    column = "quarter"
    loose = False

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        others = [(word, title) for word, (title, _) in SPANS.items() if word != "week"]
        return [*others, ("all", "All time")]

    def choices(self, changelist: Any) -> Any:
        """The first one is the past week, not `all`."""
        first, *others = super().choices(changelist)
        return [{**first, "display": SPANS["week"][0]}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        word = self.value() or ("all" if "quarter__gte" in request.GET else "week")
        return queryset.filter(quarter__gte=self.since(SPANS[word][1])) if word in SPANS else queryset


class GroupFilter(SimpleListFilter):
    """What a line of the list is. It narrows nothing."""

    title = "line"
    parameter_name = "by"
    GROUPS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "organization": ("Organization", "organization_id"),
        "day": ("Day (UTC)", "day"),
        "model": ("Model", "model"),
        "door": ("Door", "dialect"),
        "outcome": ("Outcome", "outcome"),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, title) for name, (title, _) in self.GROUPS.items() if name != "organization"]

    def choices(self, changelist: Any) -> Any:
        """The first one is by organization, not `all`."""
        first, *others = super().choices(changelist)
        return [{**first, "display": "Organization"}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset


class ModeFilter(SimpleListFilter):
    """Live unless asked otherwise: the money of test wallets is none."""

    title = "mode"
    parameter_name = "mode"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("test", "Test"), ("both", "Both")]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        return [{**first, "display": "Live"}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "both":
            return queryset
        return queryset.filter(mode="test" if self.value() == "test" else "live")


def grouping(request: HttpRequest) -> str:
    """By what the list is grouped."""
    wanted = request.GET.get("by", "")
    return wanted if wanted in GroupFilter.GROUPS else "organization"


NARROWER: Mapping[str, Any] = {
    "organization": lambda row: {"organization__id__exact": row.organization_id, "by": "day"},
    "day": lambda row: {
        "quarter__gte": row.quarter.isoformat(),
        "quarter__lt": (row.quarter + timedelta(days=1)).isoformat(),
        "by": None,
    },
    "model": lambda row: {"model": row.model, "by": None},
    "door": lambda row: {"dialect": row.dialect, "by": None},
    "outcome": lambda row: {"outcome": row.outcome, "by": None},
}
"""What a line leads to: the same list, narrowed to it."""


class GroupedList(ChangeList):  # type: ignore[misc]  # unfold publishes no types
    """Lines that are sums: rows of usage that were never stored, made of the filtered ones."""

    totals: Totals
    by: str

    def get_results(self, request: HttpRequest) -> None:
        self.totals, self.by = Totals.of(self.queryset), grouping(request)
        by = GroupFilter.GROUPS[self.by][1]
        rows = self.queryset.annotate(day=TruncDay("quarter")).order_by().values(by, "mode").annotate(**SUMS)
        order = ("-day",) if by == "day" else ("-sum_amount", "-sum_generations", by)
        self.paginator = BoundedPaginator(rows.order_by(*order, "mode"), self.list_per_page)
        try:
            lines = list(self.paginator.page(self.page_num).object_list)
        except InvalidPage as problem:
            raise IncorrectLookupParameters from problem
        self.result_count = self.full_result_count = self.paginator.count
        self.show_full_result_count = self.show_admin_actions = self.can_show_all = False
        self.multi_page = self.paginator.num_pages > 1
        self.result_list = _rows(lines)

    def url_for_result(self, result: Usage) -> str:
        narrower: str = self.get_query_string(
            {"p": None, "mode": "test" if result.mode == "test" else None} | NARROWER[self.by](result)
        )
        return narrower


def _rows(lines: Sequence[Mapping[str, Any]]) -> list[Usage]:
    wanted = {line["organization_id"] for line in lines if "organization_id" in line}
    names = Organization.objects.across().in_bulk(wanted)
    return [_row(line, names.get(line.get("organization_id"))) for line in lines]


def _row(line: Mapping[str, Any], team: Organization | None) -> Usage:
    known = {name: line[name] for name in ("mode", "model", "dialect", "outcome") if name in line}
    sums = {name: int(line[f"sum_{name}"]) for name in MEASURES}
    row = Usage(**known, **sums)
    row.quarter = line.get("day", row.quarter)
    if team:
        row.organization = team
    return row


def _outcome(row: Usage) -> Any:
    return tag(row.outcome, "good" if row.outcome == "succeeded" else "bad") if row.outcome else None


def _took(row: Usage) -> Any:
    return f"{row.milliseconds / row.generations / 1000:.1f} s" if row.generations else NOTHING


LINES: Mapping[str, Column] = {
    "organization": plain("organization.name", "Organization"),
    "day": column("Day (UTC)", lambda row: f"{row.quarter:%Y-%m-%d}", "day"),
    "model": mono("model"),
    "door": plain("dialect", "Door"),
    "outcome": column("Outcome", _outcome),
}


@admin.register(Usage)
class UsageAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Usage", "monitoring", Permission.USAGE_READ
    list_filter = (
        GroupFilter,
        ModeFilter,
        doors(),
        choice("outcome", (("succeeded", "Succeeded"),)),
        PeriodFilter,
    )
    preserve_filters = False  # a line leads back to this list
    list_before_template = "admin/usage_totals.html"
    search_help_text = "Organization"
    finders = (search.by_organization,)
    measures = (
        mode(), count("generations"), count("images"),
        tokens("Tokens", lambda row: row.tokens), money("Charged", lambda row: row.amount),
        figures("Took on average", _took),
    )  # fmt: skip

    def get_list_display(self, request: HttpRequest) -> Sequence[Any]:
        return [LINES[grouping(request)], *self.measures]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[GroupedList]:
        return GroupedList
