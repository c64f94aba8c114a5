"""Reading the roll-ups: days where a day is whole, hours at the edges, the generations themselves since the
last roll-up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from generations.pulse.buckets import COUNT, Times
from generations.pulse.rollup import DAY, HOUR, day_of, rolled_until
from generations.pulse.took import FACTS, TOOK
from runtime.clock import hour_of
from runtime.tenancy import operator


@dataclass(frozen=True, slots=True)
class Period:
    """From a whole hour up to another (UTC)."""

    since: datetime
    until: datetime

    @classmethod
    def around(cls, since: datetime, until: datetime) -> Period:
        """The whole hours that a span touches."""
        end = hour_of(until)
        return cls(hour_of(since), end if end == until else end + HOUR)


class Line(NamedTuple):
    """What something came to. `amount` in nano-dollars."""

    generations: int = 0
    succeeded: int = 0
    cancelled: int = 0
    images: int = 0
    tokens: int = 0
    amount: int = 0
    milliseconds: int = 0

    @property
    def failed(self) -> int:
        return self.generations - self.succeeded - self.cancelled

    @property
    def error_rate(self) -> float | None:
        """Failures among what was not cancelled, from 0 to 1."""
        ended = self.generations - self.cancelled
        return self.failed / ended if ended else None


@dataclass(frozen=True, slots=True)
class Report:
    """A period: all of it, and by each of its sides. Days are those of UTC."""

    total: Line
    days: Mapping[datetime, Line]
    organizations: Mapping[UUID, Line]
    models: Mapping[str, Line]
    doors: Mapping[str, Line]
    outcomes: Mapping[str, Line]


Paces = Mapping[str, Times]
"""By name."""


def report(period: Period, mode: str, *, organizations: Collection[UUID] | None = None) -> Report:
    """What ended in a period, over all organizations or these. One statement over the roll-ups."""
    with operator(), connection.cursor() as cursor:
        chosen = None if organizations is None else list(organizations)
        cursor.execute(_REPORT, _places(period, mode) | {"organizations": chosen})
        rows = cursor.fetchall()
    sides: defaultdict[int, dict[Any, Line]] = defaultdict(dict)
    for side, day, organization, model, dialect, outcome, *sums in rows:
        name = {0b01111: day, 0b10111: organization, 0b11011: model, 0b11101: dialect, 0b11110: outcome}
        sides[side][name.get(side)] = Line(*map(int, sums))
    return Report(
        total=sides[0b11111].get(None, Line()),
        days=dict(sorted(sides[0b01111].items())),
        organizations=sides[0b10111],
        models=sides[0b11011],
        doors=sides[0b11101],
        outcomes=sides[0b11110],
    )


def _places(period: Period, mode: str) -> dict[str, Any]:
    """Where days, hours and the generations themselves begin and end. Inside an open scope."""
    rolled = min(max(rolled_until() or period.since, period.since), period.until)
    first = day_of(period.since - HOUR) + DAY  # the first day that is whole
    last = max(day_of(rolled), first)
    if last > rolled:
        first = last = rolled
    return {
        "mode": mode,
        "begin": period.since,
        "first": first,
        "last": last,
        "since": rolled,
        "until": period.until,
    }


_STEPS = """
    (step = 'day' AND at >= %(first)s AND at < %(last)s
     OR step = 'hour' AND (at >= %(begin)s AND at < %(first)s OR at >= %(last)s AND at < %(since)s))
    AND mode = %(mode)s
"""
_REPORT = f"""
    WITH fact AS (
        SELECT organization_id, at, model, dialect, outcome, generations, images, tokens, amount, milliseconds
        FROM generations_pulse WHERE {_STEPS}
        UNION ALL
        SELECT organization_id, at, model, dialect, outcome, generations, images, tokens, amount, milliseconds
        FROM ({FACTS}) AS since WHERE mode = %(mode)s
    )
    , chosen AS (
        SELECT * FROM fact
        WHERE %(organizations)s::uuid[] IS NULL OR organization_id = ANY (%(organizations)s::uuid[])
    )
    SELECT grouping(day, organization_id, model, dialect, outcome), day, organization_id, model, dialect,
           outcome, sum(generations), coalesce(sum(generations) FILTER (WHERE outcome = 'succeeded'), 0),
           coalesce(sum(generations) FILTER (WHERE outcome = 'cancelled'), 0), sum(images), sum(tokens),
           sum(amount), sum(milliseconds)
    FROM (SELECT date_trunc('day', at, 'UTC') AS day, * FROM chosen) AS dated
    GROUP BY GROUPING SETS ((day), (organization_id), (model), (dialect), (outcome), ())
    HAVING count(*) > 0
"""  # noqa: S608 - our own words
_ROLLED = f"SELECT about, name, counts FROM generations_pace WHERE {_STEPS}"  # noqa: S608 - our own words
_SINCE = f"SELECT about, name, bucket, count FROM ({TOOK}) AS took WHERE mode = %(mode)s"  # noqa: S608 - ours


def paces(period: Period, mode: str) -> tuple[Paces, Paces]:
    """How long successes took: by door, from submit to final; by provider, its call."""
    found: dict[str, defaultdict[str, Times]] = {
        "dialect": defaultdict(Times),
        "provider": defaultdict(Times),
    }
    with operator(), connection.cursor() as cursor:
        places = _places(period, mode)
        cursor.execute(_ROLLED, places)
        for about, name, counts in cursor.fetchall():
            found[about][name] += Times.of(counts)
        cursor.execute(_SINCE, places)
        for about, name, bucket, count in cursor.fetchall():
            found[about][name] += Times(tuple(count if place == bucket else 0 for place in range(COUNT)))
    return found["dialect"], found["provider"]
