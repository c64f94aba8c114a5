"""Where the tokens went: the roll-ups, summed by time and by whatever else is asked.

A roll-up is a quarter of an hour, written in the transaction that charged: in any timezone, over any
change of daylight saving time, the sum of the parts is the whole, and the whole is the ledger's charges.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import BigIntegerField, DateTimeField, F, Func, IntegerField, QuerySet, Sum, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast

from accounts.errors import InvalidValue
from accounts.models import Organization
from billing import steps
from billing.models import Usage
from runtime.clock import utc_now
from runtime.tenancy import tenant

QUARTER, DAY = timedelta(minutes=15), timedelta(days=1)
STEPS: Final = ("quarter", "hour", "day", "week", "month")
COLUMNS: Final[Mapping[str, str]] = {
    "key": "key_id",
    "member": "member_id",
    "model": "model",
    "dialect": "dialect",
    "outcome": "outcome",
}
MEASURES: Final = ("generations", "images", "tokens", "amount", "milliseconds")
MOST_LINES = 10_000


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums of roll-ups: `amount` in nano-dollars, `milliseconds` from submit to the final state."""

    generations: int = 0
    images: int = 0
    tokens: int = 0
    amount: int = 0
    milliseconds: int = 0

    @property
    def average_seconds(self) -> float | None:
        """From submit to the final state; None without a generation."""
        return round(self.milliseconds / self.generations / 1000, 3) if self.generations else None

    @classmethod
    def sum(cls, parts: Iterable[Totals]) -> Self:
        """All of them together."""
        sums = Sums()
        for totals in parts:
            sums.add(totals)
        return cls(*sums.values)

    def __sub__(self, part: Totals) -> Totals:
        """The rest."""
        return Totals(
            self.generations - part.generations,
            self.images - part.images,
            self.tokens - part.tokens,
            self.amount - part.amount,
            self.milliseconds - part.milliseconds,
        )


class Sums:
    """Totals that grow: `values` in the order of MEASURES."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values = [0] * len(MEASURES)

    def add(self, totals: Totals) -> None:
        """Written out: a chart adds up thousands."""
        values = self.values
        values[0] += totals.generations
        values[1] += totals.images
        values[2] += totals.tokens
        values[3] += totals.amount
        values[4] += totals.milliseconds


@dataclass(frozen=True, slots=True)
class Line:
    """One group: what it is of (None or empty where that was not asked), and what it comes to. `at` is
    the beginning of its quarter, hour, day, week or month, in the report's timezone."""

    totals: Totals
    at: datetime | None = None
    key: UUID | None = None
    member: UUID | None = None
    model: str = ""
    dialect: str = ""
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The lines, oldest first, then dearest first; the totals of all; the quarters they span."""

    since: datetime
    until: datetime
    lines: tuple[Line, ...]
    totals: Totals


def report(
    organization: Organization | UUID,
    mode: str,
    *,
    since: datetime,
    until: datetime,
    zone: ZoneInfo,
    by: Sequence[str] = ("day",),
    where: Mapping[str, Any] | None = None,
    most: int = MOST_LINES,
) -> Report:
    """What was used from `since` up to `until` (widened to whole quarters of an hour).

    `by` names at most one of STEPS and any of COLUMNS; `where` narrows by COLUMNS, to one value or a list of
    them. Days, weeks (from Monday) and months are those of the timezone. Raises InvalidValue for an unknown
    group, a range that ends before it begins, or more than `most` lines.
    """
    step, columns = _groups(by)
    since, until = _whole(since), _whole(until, up=True)
    if until <= since:
        raise InvalidValue("to", "The range must end after it begins.")
    with tenant(organization):
        rows = _rows(organization, mode, since, until, where or {})
        at = _at(step, since, until, zone) if step else None
        lines = _lines(rows, at, columns, most)
        totals = Totals.sum(line.totals for line in lines) if by else _whole_of(rows)
    return Report(since.astimezone(zone), until.astimezone(zone), lines, totals)


SUMS = {f"sum_{name}": Cast(Sum(name), BigIntegerField()) for name in MEASURES}
"""Whole numbers again: PostgreSQL's sum of them is a decimal, slow to read. What a wallet can hold fits."""


def _whole_of(rows: QuerySet[Usage]) -> Totals:
    sums = rows.aggregate(**SUMS)
    return Totals(*(sums[name] or 0 for name in SUMS))


def _groups(by: Sequence[str]) -> tuple[str, list[str]]:
    """The step (empty: none), and the other groups."""
    times = [group for group in by if group in STEPS]
    unknown = [group for group in by if group not in STEPS and group not in COLUMNS]
    if unknown or len(times) > 1 or len(set(by)) != len(by):
        known = ", ".join((*STEPS, *COLUMNS))
        raise InvalidValue("by", f"Group by at most one step of time, and by each once: {known}.")
    return "".join(times), [group for group in by if group in COLUMNS]


def _whole(moment: datetime, *, up: bool = False) -> datetime:
    """The beginning of the quarter the moment lies in, or the next one's."""
    past = timedelta(seconds=moment.timestamp() % QUARTER.total_seconds())
    return moment - past + (QUARTER if up and past else timedelta(0))


def _rows(
    organization: Organization | UUID, mode: str, since: datetime, until: datetime, where: Mapping[str, Any]
) -> QuerySet[Usage]:
    narrowed = {
        f"{COLUMNS[name]}__in" if isinstance(value, list) else COLUMNS[name]: value
        for name, value in where.items()
    }
    rows = Usage.objects.of(organization).filter(mode=mode, quarter__gte=since, quarter__lt=until)
    return rows.filter(**narrowed)


def _lines(rows: QuerySet[Usage], at: _At | None, columns: Sequence[str], most: int) -> tuple[Line, ...]:
    names = [COLUMNS[column] for column in columns]
    if at:
        rows, names = rows.annotate(at=at.group), ["at", *names]
    if not names:
        return ()
    order = ["at"] if at else []
    grouped = rows.order_by().values(*names).annotate(**SUMS).values_list(*names, *SUMS)
    found = list(grouped.order_by(*order, "-sum_amount", *names[len(order) :])[: most + 1])
    if len(found) > most:
        raise InvalidValue("from", f"These are more than {most:,} lines. Choose a shorter range.")
    return tuple(_line(row, at, columns) for row in found)


def _line(row: Sequence[Any], at: _At | None, columns: Sequence[str]) -> Line:
    sums, groups = row[-len(MEASURES) :], row[: -len(MEASURES)]
    if at is None:
        return Line(Totals(*sums), **dict(zip(columns, groups, strict=True)))
    return Line(Totals(*sums), at.begins(groups[0]), **dict(zip(columns, groups[1:], strict=True)))


# ---- steps of time -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _At:
    """What roll-ups are grouped by, so that they are of one step, and when the step of a group begins."""

    group: Combinable
    begins: Callable[[Any], datetime]


def _at(step: str, since: datetime, until: datetime, zone: ZoneInfo) -> _At:
    """The quickest that is right: counting in steps of one length, looking the step up, and truncating the
    local time, which takes half as long again."""
    listed = steps.beginnings(step, since, until, zone)
    if not listed:
        return _At(F("quarter") if step == "quarter" else _truncated(step, zone), partial(_local, zone))
    if length := steps.length(listed, until):
        return _At(_counted(listed[0], length), partial(_local, zone))
    return _At(_numbered(listed), lambda number: listed[number - 1])


def _local(zone: ZoneInfo, at: datetime) -> datetime:
    return at.astimezone(zone)


def _truncated(step: str, zone: ZoneInfo) -> Func:
    """PostgreSQL's own, which knows the hour that comes twice."""
    parts = (Value(step), F("quarter"), Value(str(zone)))
    return Func(*parts, function="date_trunc", output_field=DateTimeField())


def _counted(first: datetime, length: timedelta) -> Func:
    """The beginning of the step a quarter lies in, where all are as long."""
    parts = (Value(length), F("quarter"), Value(first))
    return Func(*parts, function="date_bin", output_field=DateTimeField())


def _numbered(begins: Sequence[datetime]) -> Func:
    """Which of these steps a quarter lies in; 1 is the first."""
    return Func(F("quarter"), Value(list(begins)), function="width_bucket", output_field=IntegerField())


# ---- of keys, at a glance ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recent:
    """What a key did in the last days, today among them (UTC): sums, and generations of each day, the
    oldest first."""

    totals: Totals
    days: tuple[int, ...]


RECENT_DAYS: Final = 30


def of_keys(
    organization: Organization | UUID, mode: str, keys: Collection[UUID], *, days: int = RECENT_DAYS
) -> dict[UUID, Recent]:
    """What each of these keys did lately, in one query; zeros for one that did nothing."""
    today = utc_now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - timedelta(days=days - 1)
    with tenant(organization):
        rows = Usage.objects.of(organization).filter(mode=mode, quarter__gte=first, key_id__in=keys)
        daily = rows.annotate(at=_counted(first, DAY)).order_by().values("key_id", "at").annotate(**SUMS)
        found = list(daily.values_list("key_id", "at", *SUMS))
    of_key: defaultdict[UUID, list[tuple[int, Totals]]] = defaultdict(list)
    for key, at, *sums in found:
        of_key[key].append((min((at - first).days, days - 1), Totals(*sums)))
    return {key: _recent(of_key[key], days) for key in keys}


def _recent(lines: Sequence[tuple[int, Totals]], days: int) -> Recent:
    each = [0] * days
    for day, totals in lines:
        each[day] += totals.generations
    return Recent(Totals.sum(totals for _, totals in lines), tuple(each))
