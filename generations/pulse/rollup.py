"""Making the roll-ups. An hour is rolled up when it has been over for a while; doing it twice changes
nothing, and any number of janitors may."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection

from generations.pulse.buckets import COUNT
from generations.pulse.took import FACTS, TOOK
from runtime.clock import database_now, hour_of
from runtime.tenancy import work

MARGIN = timedelta(minutes=2)
"""A finish that is on its way when its hour ends has committed by then."""
CHUNK = timedelta(days=7)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def roll_up(since: datetime | None = None) -> int:
    """Roll up every hour that is over and was not rolled up yet; from `since` on if that is given (a past
    that was written later). Returns how many hours."""
    hours = 0
    while span := _next(since):
        begin, until = span
        _roll(begin, until)
        hours += (until - begin) // HOUR
        since = until
    return hours


def _next(since: datetime | None) -> tuple[datetime, datetime] | None:
    with work():
        end = hour_of(database_now() - MARGIN)
        begin = hour_of(since) if since else rolled_until() or _beginning()
    if begin is None or begin >= end:
        return None
    return begin, min(begin + CHUNK, end)


def day_of(moment: datetime) -> datetime:
    """The beginning of its day (UTC)."""
    return hour_of(moment).replace(hour=0)


def rolled_until() -> datetime | None:
    """The end of the last hour that was rolled up. Hours in which nothing ended leave no trace: they may
    be looked at again. Inside an open scope."""
    found = _one("SELECT max(at) FROM generations_pulse WHERE step = 'hour' AND mode = ANY ('{live,test}')")
    return found + HOUR if found else None


def _beginning() -> datetime | None:
    found = _one(
        "SELECT finished_at FROM generations_generation WHERE finished_at IS NOT NULL"
        " ORDER BY finished_at LIMIT 1"
    )
    return hour_of(found) if found else None


def _one(statement: str) -> datetime | None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    return row[0] if row else None


def _roll(since: datetime, until: datetime) -> None:
    """The hours of a span, and the days that end in it."""
    days = {"first": day_of(since), "last": day_of(until)}
    with work(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('generations pulse'))")
        cursor.execute(_HOURS, {"since": since, "until": until})
        cursor.execute(_HOURLY_PACES, {"since": since, "until": until, "last": COUNT - 1})
        cursor.execute(_DAYS, days)
        cursor.execute(_DAILY_PACES, days)


_SUMS = "generations, images, tokens, amount, milliseconds"
_TARGET = f"INSERT INTO generations_pulse (step, organization_id, at, mode, model, dialect, outcome, {_SUMS})"
_ANEW = """
    ON CONFLICT ON CONSTRAINT generations_pulse_once DO UPDATE SET
        generations = excluded.generations, images = excluded.images, tokens = excluded.tokens,
        amount = excluded.amount, milliseconds = excluded.milliseconds
"""
_HOURS = f"{_TARGET} SELECT 'hour', fact.* FROM ({FACTS}) AS fact {_ANEW}"  # noqa: S608 - our own words
_DAYS = f"""
    {_TARGET}
    SELECT 'day', organization_id, date_trunc('day', at, 'UTC'), mode, model, dialect, outcome,
           sum(generations), sum(images), sum(tokens), sum(amount), sum(milliseconds)
    FROM generations_pulse
    WHERE step = 'hour' AND mode = ANY ('{{live,test}}') AND at >= %(first)s AND at < %(last)s
    GROUP BY 2, 3, 4, 5, 6, 7 {_ANEW}
"""  # noqa: S608 - our own words
_PACE = "INSERT INTO generations_pace (step, at, mode, about, name, counts)"
_PACE_ANEW = "ON CONFLICT ON CONSTRAINT generations_pace_once DO UPDATE SET counts = excluded.counts"
_HOURLY_PACES = f"""
    WITH took AS MATERIALIZED ({TOOK})
    {_PACE}
    SELECT 'hour', at, mode, about, name, array_agg(count ORDER BY bucket)
    FROM (SELECT at, mode, about, name, bucket, coalesce(took.count, 0) AS count
          FROM (SELECT DISTINCT at, mode, about, name FROM took) AS whose
          CROSS JOIN generate_series(0, %(last)s) AS bucket
          LEFT JOIN took USING (at, mode, about, name, bucket)) AS each
    GROUP BY at, mode, about, name {_PACE_ANEW}
"""  # noqa: S608 - our own words
_DAILY_PACES = f"""
    {_PACE}
    SELECT 'day', at, mode, about, name, array_agg(count ORDER BY bucket)
    FROM (SELECT date_trunc('day', at, 'UTC') AS at, mode, about, name, bucket, sum(count) AS count
          FROM generations_pace, unnest(counts) WITH ORDINALITY AS each (count, bucket)
          WHERE step = 'hour' AND at >= %(first)s AND at < %(last)s
          GROUP BY 1, 2, 3, 4, 5) AS summed
    GROUP BY at, mode, about, name {_PACE_ANEW}
"""  # noqa: S608 - our own words
