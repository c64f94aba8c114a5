"""Days, weeks and months of usage are those of PostgreSQL's own calendar, whichever way they are found: in
every timezone, over every change of its clock, on midnights that never come and on those that come twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import psycopg
import pytest

from accounts.errors import InvalidValue
from billing import hours, steps, usage
from tests.cast import Cast, make_cast

ZONES: Final = (
    "UTC", "Asia/Kathmandu", "America/Santiago", "Africa/Cairo", "Asia/Beirut", "Australia/Lord_Howe",
    "America/New_York", "Pacific/Apia", "America/Havana", "Atlantic/Azores", "America/St_Johns",
    "America/Toronto", "Europe/Berlin", "America/Nuuk",
)  # fmt: skip
EACH_ITS_WAY: Final = ("Asia/Kathmandu", "America/New_York", "Pacific/Apia", "America/Havana")
"""Days of one length, of two, one that never was, one that begins twice; the others in the slow part."""
REST: Final = tuple(zone for zone in ZONES if zone not in EACH_ITS_WAY)
SEASONS: Final = (
    (date(1919, 3, 26), date(1919, 4, 4)),
    (date(2010, 11, 3), date(2010, 11, 12)),
    (date(2011, 12, 26), date(2012, 1, 4)),
    (date(2025, 3, 4), date(2025, 4, 30)),
    (date(2025, 9, 2), date(2025, 11, 8)),
)
"""Toronto's clock went from 23:30 to 00:30 on 30 March 1919, St. John's back over a midnight on 7 November
2010; Apia had no 30 December 2011; all others changed theirs in 2025."""
DAY, QUARTER = timedelta(days=1), 900
ROLL_UPS: Final = """
    INSERT INTO billing_usage (organization_id, mode, quarter, model, dialect, outcome,
        generations, images, tokens, amount, milliseconds)
    SELECT %s, 'live', quarter, 'm', 'openai', 'succeeded', 1, 2, 3, 5, 1000
    FROM generate_series(%s::timestamptz, %s::timestamptz, '15 minutes') AS quarter
"""
TRUNCATED: Final = """
    SELECT date_trunc(%s, quarter, %s) AS at, sum(generations)::bigint FROM billing_usage
    WHERE organization_id = %s AND quarter >= to_timestamp(%s) AND quarter < to_timestamp(%s)
    GROUP BY 1 ORDER BY 1
"""


class Quarters:
    """An organization with one generation in every quarter of the seasons, and the superuser."""

    def __init__(self, cast: Cast, admin: psycopg.Connection[Any]) -> None:
        self.cast, self.admin = cast, admin
        for first, last in SEASONS:
            span = (datetime.combine(day, time(), UTC) for day in (first, last))
            admin.execute(ROLL_UPS, (cast.organization.pk, *span))

    def reported(self, step: str, since: datetime, until: datetime, zone: ZoneInfo) -> list[Any]:
        found = usage.report(self.cast.organization, "live", since=since, until=until, zone=zone, by=(step,))
        assert {line.at.tzinfo for line in found.lines if line.at} <= {zone}
        assert found.totals.generations == sum(line.totals.generations for line in found.lines)
        return [(line.at.timestamp(), line.totals.generations) for line in found.lines if line.at]

    def truncated(self, step: str, since: datetime, until: datetime, zone: ZoneInfo) -> list[Any]:
        """Between the whole quarters around the range, as seconds since 1970."""
        span = (since.timestamp() // QUARTER * QUARTER, -(-until.timestamp() // QUARTER) * QUARTER)
        what = (step, str(zone), self.cast.organization.pk, *span)
        rows = self.admin.execute(TRUNCATED, what).fetchall()
        return [(at.timestamp(), generations) for at, generations in rows]


@pytest.fixture(scope="module")
def quarters(quiet_database: str) -> Iterator[Quarters]:
    with psycopg.connect(quiet_database, autocommit=True) as admin:
        yield Quarters(make_cast(), admin)


@pytest.fixture(scope="module", autouse=True, params=["by the quarter", "by the hour"])
def kept(quarters: Quarters, request: pytest.FixtureRequest) -> None:
    """Whether hours are made yet makes no difference."""
    if request.param == "by the hour":
        assert hours.roll_up() > 900_000


def midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def changes(first: date, last: date, zone: ZoneInfo) -> list[date]:
    """The days on which the clock is changed, and one on which it may not be."""
    days = [first + number * DAY for number in range((last - first).days)]
    return [first + 3 * DAY] + [
        day for day in days if midnight(day, zone).utcoffset() != midnight(day + DAY, zone).utcoffset()
    ]


def ranges(zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """Whole seasons; and ranges that end before, on and after such a day, begin there, or are only it."""
    for first, last in SEASONS:
        yield midnight(first, zone), midnight(last, zone)
        for day in changes(first, last, zone):
            for before, after in ((-3, -1), (-3, 0), (-3, 1), (-3, 2), (-1, 3), (0, 1), (0, 3), (1, 3)):
                yield midnight(day + before * DAY, zone), midnight(day + after * DAY, zone)
            noon = datetime.combine(day, time(12, 20), zone)
            yield noon - 2 * DAY, noon


@pytest.mark.parametrize("step", ["day", "week", "month", "hour"])
@pytest.mark.parametrize(
    "name", [*EACH_ITS_WAY, *(pytest.param(zone, marks=pytest.mark.slow) for zone in REST)]
)
def test_steps_are_those_of_postgresql(quarters: Quarters, name: str, step: str) -> None:
    zone = ZoneInfo(name)
    for since, until in ranges(zone):
        assert quarters.reported(step, since, until, zone) == quarters.truncated(step, since, until, zone), (
            since,
            until,
        )


def test_each_way_to_find_a_step_is_taken() -> None:
    autumn, winter = datetime(2025, 10, 20, tzinfo=UTC), datetime(2025, 11, 20, tzinfo=UTC)
    kathmandu, berlin, azores = map(ZoneInfo, ("Asia/Kathmandu", "Europe/Berlin", "Atlantic/Azores"))
    even, uneven = (steps.beginnings("day", autumn, winter, zone) for zone in (kathmandu, berlin))
    assert even is not None
    assert uneven is not None
    assert (steps.length(even, winter), steps.length(uneven, winter)) == (DAY, None)
    assert steps.beginnings("day", autumn, winter, azores) is None


def test_the_last_day_may_be_longer_than_the_others() -> None:
    zone = ZoneInfo("America/New_York")
    since, until = midnight(date(2025, 10, 29), zone), midnight(date(2025, 11, 3), zone)
    days = steps.beginnings("day", since, until, zone)
    assert days is not None
    assert days[-1].date() == date(2025, 11, 2)
    assert steps.length(days, until) is None


def test_a_day_that_never_was_begins_no_step() -> None:
    zone = ZoneInfo("Pacific/Apia")
    days = steps.beginnings("day", midnight(date(2011, 12, 29), zone), midnight(date(2012, 1, 1), zone), zone)
    assert days is not None
    assert [day.date() for day in days] == [date(2011, 12, 29), date(2011, 12, 31)]


@pytest.mark.parametrize("step", ["day", "week", "month"])
@pytest.mark.parametrize("name", ["UTC", "America/New_York"])
def test_centuries_are_answered(quarters: Quarters, name: str, step: str) -> None:
    zone = ZoneInfo(name)
    centuries = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC), zone
    assert quarters.reported(step, *centuries) == quarters.truncated(step, *centuries)
    assert steps.beginnings(step, *centuries) is None or step == "month"


def test_all_of_time_is_listed_by_nobody() -> None:
    always = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    for step in usage.STEPS:
        assert steps.beginnings(step, *always, ZoneInfo("Pacific/Apia")) is None


def test_steps_are_one_at_a_time(quarters: Quarters) -> None:
    with pytest.raises(InvalidValue, match="at most one step"):
        usage.report(
            quarters.cast.organization, "live", since=datetime(2025, 10, 1, tzinfo=UTC),
            until=datetime(2025, 11, 1, tzinfo=UTC), zone=ZoneInfo("UTC"), by=("day", "week"),
        )  # fmt: skip
