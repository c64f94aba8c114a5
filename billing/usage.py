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

from django.db.models import DateTimeField, F, Func, IntegerField, Value

from accounts.errors import InvalidValue
from accounts.models import Organization
from billing import rollups, steps
from billing.rollups import MEASURES, QUARTER, Span, Steps
from runtime.clock import utc_now
from runtime.tenancy import tenant

DAY: Final = timedelta(days=1)
STEPS: Final = ("quarter", "hour", "day", "week", "month")
COLUMNS: Final[Mapping[str, str]] = {
    "key": "key_id",
    "member": "member_id",
    "model": "model",
    "dialect": "dialect",
    "outcome": "outcome",
}
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
    names = {COLUMNS[name]: value for name, value in (where or {}).items()}
    narrowed = {f"{name}__in" if isinstance(v, list) else name: v for name, v in names.items()}
    span = Span(organization, mode, since, until, narrowed)
    at = _at(step, since, until, zone) if step else None
    with tenant(organization):
        found = rollups.summed(span, at, [COLUMNS[column] for column in columns], most)
    lines = _lines(found, at, columns, most) if by else ()
    totals = Totals(*map(sum, zip(*found.values(), strict=True))) if found else Totals()
    return Report(since.astimezone(zone), until.astimezone(zone), lines, totals)


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


def _lines(
    found: Mapping[tuple[Any, ...], list[int]], at: Steps | None, columns: Sequence[str], most: int
) -> tuple[Line, ...]:
    if len(found) > most:
        raise InvalidValue("from", f"These are more than {most:,} lines. Choose a shorter range.")
    return tuple(_line(groups, sums, at, columns) for groups, sums in sorted(found.items(), key=_place(at)))


def _place(at: Steps | None) -> Callable[[tuple[tuple[Any, ...], list[int]]], Any]:
    """Oldest first, then dearest, then by name, those without one last."""

    def place(item: tuple[tuple[Any, ...], list[int]]) -> Any:
        groups, sums = item
        names = [(name is None, str(name)) for name in groups[1 if at else 0 :]]
        return groups[:1] if at else (), -sums[MEASURES.index("amount")], names

    return place


def _line(groups: Sequence[Any], sums: Sequence[int], at: Steps | None, columns: Sequence[str]) -> Line:
    if at is None:
        return Line(Totals(*sums), **dict(zip(columns, groups, strict=True)))
    return Line(Totals(*sums), at.begins(groups[0]), **dict(zip(columns, groups[1:], strict=True)))


# ---- steps of time -----------------------------------------------------------------------------


def _at(step: str, since: datetime, until: datetime, zone: ZoneInfo) -> Steps:
    """The quickest that is right: counting in steps of one length, looking the step up, and truncating the
    local time, which takes half as long again."""
    listed = steps.beginnings(step, since, until, zone)
    if not listed:
        return Steps(F if step == "quarter" else partial(_truncated, step, zone), partial(_local, zone), None)
    if length := steps.length(listed, until):
        return Steps(partial(_counted, listed[0], length), partial(_local, zone), listed)
    return Steps(partial(_numbered, listed), lambda number: listed[number - 1], listed)


def _local(zone: ZoneInfo, at: datetime) -> datetime:
    return at.astimezone(zone)


def _truncated(step: str, zone: ZoneInfo, moment: str) -> Func:
    """PostgreSQL's own, which knows the hour that comes twice."""
    parts = (Value(step), F(moment), Value(str(zone)))
    return Func(*parts, function="date_trunc", output_field=DateTimeField())


def _counted(first: datetime, length: timedelta, moment: str) -> Func:
    """The beginning of the step a moment lies in, where all are as long."""
    parts = (Value(length), F(moment), Value(first))
    return Func(*parts, function="date_bin", output_field=DateTimeField())


def _numbered(begins: Sequence[datetime], moment: str) -> Func:
    """Which of these steps a moment lies in; 1 is the first."""
    return Func(F(moment), Value(list(begins)), function="width_bucket", output_field=IntegerField())


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
    """What each of these keys did lately; zeros for one that did nothing."""
    now = utc_now().astimezone(UTC)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - timedelta(days=days - 1)
    span = Span(organization, mode, first, today + DAY, {"key_id__in": list(keys)})
    with tenant(organization):
        at = _at("day", first, today + DAY, ZoneInfo("UTC"))
        found = rollups.summed(span, at, ["key_id"], most=days * len(keys))
    of_key: defaultdict[UUID, list[tuple[int, Totals]]] = defaultdict(list)
    for (at, key), sums in found.items():
        of_key[key].append((min((at - first).days, days - 1), Totals(*sums)))
    return {key: _recent(of_key[key], days) for key in keys}


def _recent(lines: Sequence[tuple[int, Totals]], days: int) -> Recent:
    each = [0] * days
    for day, totals in lines:
        each[day] += totals.generations
    return Recent(Totals.sum(totals for _, totals in lines), tuple(each))
