"""Roll-ups, summed: whole hours where they are made; quarters of an hour at the edges, in hours that a step
of time cuts in two, and since the last hour that was made. Either way it is the same sum.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db.models import BigIntegerField, Max, Min, Q, QuerySet, Sum
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast

from accounts.models import Organization
from billing.hours import HOUR
from billing.models import Usage, UsageHour
from runtime.clock import hour_of

QUARTER: Final = timedelta(minutes=15)
MEASURES: Final = ("generations", "images", "tokens", "amount", "milliseconds")
SUMS: Final = {f"sum_{name}": Cast(Sum(name), BigIntegerField()) for name in MEASURES}
"""Whole numbers again: PostgreSQL's sum of them is a decimal, slow to read. What a wallet can hold fits."""


@dataclass(frozen=True, slots=True)
class Span:
    """Whose roll-ups: of a mode, from a quarter up to another, narrowed by columns to one value or a list."""

    organization: Organization | UUID
    mode: str
    since: datetime
    until: datetime
    where: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Steps:
    """Steps of time. `group` makes the expression that roll-ups of one step have in common, of the column
    that says when; `begins` the beginning of a step from its value. `edges` are all their beginnings; None:
    they are not known."""

    group: Callable[[str], Combinable]
    begins: Callable[[Any], datetime]
    edges: Sequence[datetime] | None


def summed(
    span: Span, steps: Steps | None, columns: Sequence[str], most: int
) -> dict[tuple[Any, ...], list[int]]:
    """What each group comes to, in the order of MEASURES. A group is its step's value, if there are steps,
    and its columns. At least `most` + 1 groups where there are more. Inside `with tenant(organization)`."""
    found: defaultdict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0] * len(MEASURES))
    for part in _parts(span, steps):
        for row in part.grouped(steps, columns, most + 1):
            sums = found[row[: -len(MEASURES)]]
            for place, value in enumerate(row[-len(MEASURES) :]):
                sums[place] += value or 0
    return found


class _Part(NamedTuple):
    """Roll-ups of one length, and the column that says when they begin."""

    rows: QuerySet[Any]
    moment: str

    def grouped(self, steps: Steps | None, columns: Sequence[str], most: int) -> list[tuple[Any, ...]]:
        rows, names = self.rows, [*columns]
        if steps:
            rows, names = rows.annotate(at=steps.group(self.moment)), ["at", *columns]
        if not names:
            return [tuple(rows.aggregate(**SUMS).values())]
        sums = rows.order_by().values(*names).annotate(**SUMS)
        return list(sums.values_list(*names, *SUMS)[:most])


def _parts(span: Span, steps: Steps | None) -> Iterator[_Part]:
    quarters = Usage.objects.of(span.organization).filter(mode=span.mode, **span.where)
    cut = _cut(steps.edges) if steps and steps.edges is not None else set[datetime]()
    made = None if steps and steps.edges is None else _made(span)
    if made is None:
        yield _Part(quarters.filter(quarter__gte=span.since, quarter__lt=span.until), "quarter")
        return
    first, last = made
    hours = UsageHour.objects.of(span.organization).filter(mode=span.mode, **span.where)
    yield _Part(hours.filter(hour__gte=first, hour__lt=last).exclude(hour__in=cut), "hour")
    within = [hour + part * QUARTER for hour in cut if first <= hour < last for part in range(4)]
    edges = Q(quarter__gte=span.since, quarter__lt=first) | Q(quarter__gte=last, quarter__lt=span.until)
    yield _Part(quarters.filter(edges | Q(quarter__in=within)), "quarter")


def _cut(edges: Sequence[datetime]) -> set[datetime]:
    """The hours in which a step begins, and not with them: midnights of India, Nepal, Newfoundland."""
    return {hour_of(edge) for edge in edges if edge != hour_of(edge)}


def _made(span: Span) -> tuple[datetime, datetime] | None:
    """From which hour up to which other all are made, within the span; None if there is none."""
    hours = UsageHour.objects.of(span.organization).filter(mode=span.mode)
    oldest, newest = hours.aggregate(oldest=Min("hour"), newest=Max("hour")).values()
    if oldest is None:
        return None
    since = span.since.astimezone(UTC)  # on a local clock an hour more may be none
    first, last = max(oldest, hour_of(since + HOUR - QUARTER)), min(newest + HOUR, hour_of(span.until))
    return (first, last) if first < last else None
