"""Where the days, weeks and months of a timezone begin, as PostgreSQL's `date_trunc` has it.

There are midnights that never come, and days, too: what is named after them begins when the clock moves on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

SPANS: Final = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=32)}
"""From the first day of a step into the next one."""
MOST: Final = 4_000
INSTANT: Final = timedelta(microseconds=1)


def beginnings(step: str, since: datetime, until: datetime, zone: ZoneInfo) -> list[datetime] | None:
    """Of every `day`, `week` (from Monday) or `month` that has a moment from `since` up to `until`, oldest
    first, in the timezone. None where a list is not the answer: for any other step, for more than 4,000, and
    for a range with a midnight that comes twice, as in Havana and on the Azores every autumn."""
    if step not in SPANS or (until - since) / SPANS[step] > MOST:
        return None
    day = _first(step, since.astimezone(zone).date())
    last = (until.astimezone(UTC) - INSTANT).astimezone(zone).date()
    begins: dict[datetime, None] = {}
    while day <= last:
        begin = _midnight(day, zone)
        if begin is None:
            return None
        begins[begin] = None
        day = _first(step, day + SPANS[step])
    return list(begins)


def length(begins: Sequence[datetime], until: datetime) -> timedelta | None:
    """How long each of these steps is, of which the last goes on at least to `until`. None if that differs,
    as months do, and days where the clock is changed."""
    moments = [begin.timestamp() for begin in begins]
    lengths = {after - before for before, after in pairwise(moments)}
    if len(lengths) != 1 or until.timestamp() - moments[-1] > max(lengths):
        return None
    return timedelta(seconds=lengths.pop())


def _first(step: str, day: date) -> date:
    """The first day of the step that the day lies in."""
    if step == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if step == "month" else day


def _midnight(day: date, zone: ZoneInfo) -> datetime | None:
    """When the day begins. None if parts of it come earlier: its midnight comes twice, or the clock jumps
    over it from before to after."""
    midnight = datetime.combine(day, time(), zone)
    begin, again = midnight.astimezone(UTC), midnight.replace(fold=1).astimezone(UTC)
    before = (begin - INSTANT).astimezone(zone).date()
    return begin.astimezone(zone) if again <= begin and before < day else None
