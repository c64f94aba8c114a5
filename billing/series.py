"""Usage as it is drawn: every step of the range, also those in which nothing happened; the biggest groups
by name and the rest together; what failed, by its kind. The sum of what is drawn is the whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from operator import attrgetter
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from accounts.errors import InvalidValue
from accounts.models import Organization
from billing import usage
from billing.rollups import QUARTER
from billing.usage import Line, Sums, Totals

DRAWN: Final = 6
"""Groups with a colour of their own; the rest shares one."""
MOST_CELLS: Final = 5_000
NO_FAILURES: Final = ("succeeded", "cancelled")
Value = UUID | str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What is drawn: quarters from `since` up to `until`, by `day` or `hour` of the timezone, by one of
    `usage.COLUMNS` or not at all, narrowed by any of them."""

    since: datetime
    until: datetime
    zone: ZoneInfo
    step: str
    by: str
    where: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Group:
    """What one key, member, model, dialect or outcome comes to."""

    value: Value
    totals: Totals
    failed: int

    @property
    def failed_share(self) -> float:
        return share(self.failed, self.totals.generations)


@dataclass(frozen=True, slots=True)
class Point:
    """One step: what it comes to, in all, of each drawn group, and failures of each kind."""

    at: datetime
    totals: Totals
    groups: tuple[Totals, ...]
    failures: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """`groups` are all there are, dearest first. `drawn` are those of each point's `groups`; with `rest` the
    last of them is everything else. `kinds` are those of each point's `failures`."""

    asked: Asked
    totals: Totals
    failed: int
    points: tuple[Point, ...]
    groups: tuple[Group, ...]
    drawn: tuple[Value, ...]
    rest: bool
    kinds: tuple[str, ...]

    @property
    def failed_share(self) -> float:
        """Of all that ended; what was cancelled did not fail."""
        return share(self.failed, self.totals.generations)


def share(part: int, whole: int) -> float:
    """0 to 1."""
    return part / whole if whole else 0.0


def gather(organization: Organization, mode: str, asked: Asked) -> Series:
    """One query, or where that would be too many lines three more, however long the range. Raises
    InvalidValue (more than 10,000 lines)."""
    cells = _cells(organization, mode, asked)

    def lines(by: tuple[str, ...], only: list[Any] | None = None) -> tuple[Line, ...]:
        return _report(organization, mode, asked, by, only) if cells is None else cells

    outcomes = lines((asked.step, "outcome"))
    groups = _groups(asked.by, lines(_unlike(asked.by, "outcome"))) if asked.by else ()
    drawn = [group.value for group in groups[:DRAWN] if group.value is not None]
    of_group = lines((asked.step, asked.by), drawn) if drawn else ()
    kinds = _kinds(outcomes)
    points = tuple(_points(asked, outcomes, of_group, drawn, len(groups) > len(drawn), kinds))
    return Series(
        asked=asked,
        totals=Totals.sum(point.totals for point in points),
        failed=sum(sum(point.failures) for point in points),
        points=points,
        groups=groups,
        drawn=tuple(drawn),
        rest=len(groups) > len(drawn),
        kinds=kinds,
    )


def _cells(organization: Organization, mode: str, asked: Asked) -> tuple[Line, ...] | None:
    """Every step, group and outcome: the roll-ups are gone through once for all that is drawn. None if they
    are more than are worth adding up here."""
    by = tuple(dict.fromkeys((asked.step, *_unlike(asked.by, "outcome"), "outcome")))
    try:
        return _report(organization, mode, asked, by, most=MOST_CELLS)
    except InvalidValue:
        return None


def _report(
    organization: Organization,
    mode: str,
    asked: Asked,
    by: tuple[str, ...],
    only: list[Any] | None = None,
    most: int = usage.MOST_LINES,
) -> tuple[Line, ...]:
    if not by:
        return ()
    where = {**asked.where, **({asked.by: only} if only is not None else {})}
    found = usage.report(
        organization,
        mode,
        since=asked.since,
        until=asked.until,
        zone=asked.zone,
        by=by,
        where=where,
        most=most,
    )
    return found.lines


def _unlike(by: str, other: str) -> tuple[str, ...]:
    """Both, or one if they are the same, or none."""
    return tuple(dict.fromkeys((by, other))) if by else ()


# ---- added up ----------------------------------------------------------------------------------

NOTHING: Final = Totals()


def _summed(lines: Iterable[Line], name: Callable[[Line], Any]) -> dict[Any, Totals]:
    """What the lines of each name come to, in one pass."""
    sums: defaultdict[Any, Sums] = defaultdict(Sums)
    for line in lines:
        sums[name(line)].add(line.totals)
    return {name: Totals(*mine.values) for name, mine in sums.items()}


def _failures(lines: Iterable[Line]) -> list[Line]:
    return [line for line in lines if line.outcome not in NO_FAILURES]


def _groups(by: str, lines: Iterable[Line]) -> tuple[Group, ...]:
    of, failed = _summed(lines, attrgetter(by)), _summed(_failures(lines), attrgetter(by))
    made = [Group(value, mine, failed.get(value, NOTHING).generations) for value, mine in of.items()]
    return tuple(sorted(made, key=lambda g: (-g.totals.amount, -g.totals.generations, str(g.value))))


def _kinds(lines: Iterable[Line]) -> tuple[str, ...]:
    """Those that failed most come first."""
    counted = _summed(_failures(lines), attrgetter("outcome"))
    return tuple(sorted(counted, key=lambda kind: (-counted[kind].generations, kind)))


def _points(
    asked: Asked,
    outcomes: Iterable[Line],
    of_group: Iterable[Line],
    drawn: list[Any],
    rest: bool,
    kinds: tuple[str, ...],
) -> Iterator[Point]:
    whole = _summed(outcomes, lambda line: _name(asked, line.at))
    part = _summed(of_group, lambda line: (_name(asked, line.at), getattr(line, asked.by)))
    failed = _summed(_failures(outcomes), lambda line: (_name(asked, line.at), line.outcome))
    for at in steps(asked):
        name = _name(asked, at)
        totals = whole.get(name, NOTHING)
        groups = [part.get((name, value), NOTHING) for value in drawn]
        if rest:
            groups.append(totals - Totals.sum(groups))
        failures = tuple(failed.get((name, kind), NOTHING).generations for kind in kinds)
        yield Point(at, totals, tuple(groups), failures)


def _name(asked: Asked, at: datetime | None) -> Any:
    """Of a step, by a moment of its timezone. A day is a date: there are midnights that come twice, and some
    that never come. An hour is a moment."""
    assert at is not None
    return at.date() if asked.step == "day" else at.timestamp()


def steps(asked: Asked) -> Iterator[datetime]:
    """The beginning of every day or hour of the range, in its timezone."""
    if asked.step == "day":
        first, last = (at.astimezone(asked.zone).date() for at in (asked.since, asked.until - QUARTER))
        for number in range((last - first).days + 1):
            yield datetime.combine(first + timedelta(days=number), time(), asked.zone)
        return
    for at in dict.fromkeys(_hours(int(asked.since.timestamp()), int(asked.until.timestamp()), asked.zone)):
        yield datetime.fromtimestamp(at, asked.zone)


def _hours(since: int, until: int, zone: ZoneInfo) -> Iterator[int]:
    """For each quarter the beginning of its hour in the zone, in seconds since 1970: there the hour that
    comes twice is two, and hours that begin at a quarter to are where they are."""
    for quarter in range(since, until, int(QUARTER.total_seconds())):
        local = datetime.fromtimestamp(quarter, zone)
        yield quarter - local.minute * 60 - local.second
