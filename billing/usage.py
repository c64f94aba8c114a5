"""Where the tokens went: the roll-ups, summed by time and by whatever else is asked.

A roll-up is a quarter of an hour, written in the transaction that charged: in any timezone, over any
change of daylight saving time, the sum of the parts is the whole, and the whole is the ledger's charges.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import DateTimeField, F, Func, QuerySet, Sum, Value

from accounts.errors import InvalidValue
from accounts.models import Organization
from billing.models import Usage
from runtime.clock import utc_now
from runtime.tenancy import tenant

QUARTER = timedelta(minutes=15)
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
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(**{name: int(row[f"sum_{name}"] or 0) for name in MEASURES})

    @classmethod
    def sum(cls, parts: Iterable[Totals]) -> Self:
        """All of them together."""
        sums = dict.fromkeys(MEASURES, 0)
        for totals in parts:
            for name in MEASURES:
                sums[name] += getattr(totals, name)
        return cls(**sums)

    def __sub__(self, part: Totals) -> Totals:
        """The rest."""
        return Totals(**{name: getattr(self, name) - getattr(part, name) for name in MEASURES})


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
    them. Days, weeks (from
    Monday) and months are those of the timezone. Raises InvalidValue for an unknown group, a range
    that ends before it begins, or more than `most` lines.
    """
    step, columns = _groups(by)
    since, until = _whole(since), _whole(until, up=True)
    if until <= since:
        raise InvalidValue("to", "The range must end after it begins.")
    with tenant(organization):
        rows = _rows(organization, mode, since, until, where or {})
        lines = _lines(rows, step, columns, zone, most)
        totals = Totals.sum(line.totals for line in lines) if by else Totals.of(rows.aggregate(**SUMS))
    return Report(since.astimezone(zone), until.astimezone(zone), lines, totals)


SUMS = {f"sum_{name}": Sum(name) for name in MEASURES}


def _groups(by: Sequence[str]) -> tuple[str, list[str]]:
    """The step (empty: none), and the other groups."""
    steps = [group for group in by if group in STEPS]
    unknown = [group for group in by if group not in STEPS and group not in COLUMNS]
    if unknown or len(steps) > 1 or len(set(by)) != len(by):
        known = ", ".join((*STEPS, *COLUMNS))
        raise InvalidValue("by", f"Group by at most one step of time, and by each once: {known}.")
    return "".join(steps), [group for group in by if group in COLUMNS]


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


def _lines(
    rows: QuerySet[Usage], step: str, columns: Sequence[str], zone: ZoneInfo, most: int
) -> tuple[Line, ...]:
    names = [COLUMNS[column] for column in columns]
    if step:
        rows = rows.annotate(at=F("quarter") if step == "quarter" else _begins(step, zone))
        names.insert(0, "at")
    if not names:
        return ()
    order = ["at"] if step else []
    grouped = rows.order_by().values(*names).annotate(**SUMS)
    found = list(grouped.order_by(*order, "-sum_amount", *names[len(order) :])[: most + 1])
    if len(found) > most:
        raise InvalidValue("from", f"These are more than {most:,} lines. Choose a shorter range.")
    return tuple(_line(row, columns, zone) for row in found)


def _begins(step: str, zone: ZoneInfo) -> Func:
    """PostgreSQL's own, which knows the hour that comes twice."""
    parts = (Value(step), F("quarter"), Value(str(zone)))
    return Func(*parts, function="date_trunc", output_field=DateTimeField())


def _line(row: Mapping[str, Any], columns: Sequence[str], zone: ZoneInfo) -> Line:
    at = row.get("at")
    return Line(
        totals=Totals.of(row),
        at=at.astimezone(zone) if at else None,
        **{column: row[COLUMNS[column]] for column in columns},
    )


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
        daily = rows.annotate(at=_begins("day", ZoneInfo("UTC"))).order_by().values("key_id", "at")
        lines = list(daily.annotate(**SUMS))
    of_key: defaultdict[UUID | None, list[Mapping[str, Any]]] = defaultdict(list)
    for line in lines:
        of_key[line["key_id"]].append(line)
    return {key: _recent(of_key[key], first, days) for key in keys}


def _recent(lines: Sequence[Mapping[str, Any]], first: datetime, days: int) -> Recent:
    each = [0] * days
    for line in lines:
        each[min((line["at"] - first).days, days - 1)] += int(line["sum_generations"])
    sums = {name: sum(int(line[f"sum_{name}"]) for line in lines) for name in MEASURES}
    return Recent(Totals(**sums), tuple(each))
