"""Hours of usage: what their quarters come to, made by the janitor when they have been over for a while.
Doing it twice changes nothing, and any number of janitors may. Readers take quarters where there is no hour.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import connection

from billing import writers
from runtime.clock import database_now, hour_of
from runtime.tenancy import work

HOUR: Final = timedelta(hours=1)
MARGIN: Final = timedelta(minutes=10)
WRITTEN: Final = ("billing_entry", "billing_usage")
"""What closes a hold locks the first of them with the moment it counts at, and may then wait for others."""
CHUNK: Final = timedelta(days=7)

_ROLL = """
    INSERT INTO billing_usagehour (organization_id, mode, hour, key_id, member_id, model, dialect, outcome,
                                   generations, images, tokens, amount, milliseconds)
    SELECT organization_id, mode, date_bin('1 hour', quarter, timestamptz 'epoch'), key_id, member_id, model,
           dialect, outcome, sum(generations), sum(images), sum(tokens), sum(amount), sum(milliseconds)
    FROM billing_usage WHERE mode = ANY ('{live,test}') AND quarter >= %s AND quarter < %s
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
    ON CONFLICT ON CONSTRAINT billing_usagehour_once DO NOTHING
"""
_LAST = "SELECT max(hour) FROM billing_usagehour"
_FIRST = "SELECT min(quarter) FROM billing_usage WHERE mode = ANY ('{live,test}')"


def roll_up(since: datetime | None = None) -> int:
    """Make every hour that is over and was not made yet; from `since` on if that is given (a past that was
    written later). Returns how many hours were looked at; none where a write to them may be on its way."""
    with work():
        end = hour_of(database_now() - MARGIN)
        begin = hour_of(since) if since else _begin()
    if begin is None or begin >= end or not all(map(writers.have_ended, WRITTEN)):
        return 0
    for first in range(0, (end - begin) // HOUR, CHUNK // HOUR):
        _roll(begin + first * HOUR, min(begin + first * HOUR + CHUNK, end))
    return (end - begin) // HOUR


def _begin() -> datetime | None:
    """Behind the last hour that was made; else the first there is."""
    last, first = _moment(_LAST), _moment(_FIRST)
    return last + HOUR if last else hour_of(first) if first else None


def _moment(sql: str) -> datetime | None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone()
    return row[0] if row else None


def _roll(since: datetime, until: datetime) -> None:
    with work(), connection.cursor() as cursor:
        cursor.execute(_ROLL, (since, until))
