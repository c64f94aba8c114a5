"""What is drawn is the ledger, in every timezone, on the days that have 23, 24 and 25 hours too (O3, O4)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from accounts.errors import InvalidValue
from billing import hours, series
from billing.series import Asked, Series
from tests.billing.books import Past

ZONES = (
    "UTC", "Asia/Kathmandu", "America/New_York", "Europe/London", "Australia/Lord_Howe", "America/Havana",
    "Africa/Cairo", "Pacific/Apia", "America/St_Johns",
)  # fmt: skip
FIRST, LAST = date(2025, 10, 23), date(2025, 11, 6)


@pytest.fixture(scope="module", autouse=True, params=["by the quarter", "by the hour"])
def kept(history: Past, request: pytest.FixtureRequest) -> None:
    """Whether hours are made yet makes no difference."""
    if request.param == "by the hour":
        assert hours.roll_up() > 0
        assert history.admin.execute("SELECT count(*) > 99 FROM billing_usagehour").fetchone() == (True,)


def asked(
    zone: str, step: str = "day", by: str = "", first: date = FIRST, last: date = LAST, **where: Any
) -> Asked:
    there = ZoneInfo(zone)
    since = datetime.combine(first, time(), there)
    until = datetime.combine(last + timedelta(days=1), time(), there)
    return Asked(since, until, there, step, by, where)


def drawn(history: Past, what: Asked) -> Series:
    return series.gather(history.cast.organization, "live", what)


def hour(at: datetime) -> float:
    """The moment at which the hour of a local clock began."""
    return at.timestamp() - at.minute * 60 - at.second - at.microsecond / 1_000_000


@pytest.mark.parametrize("zone", ZONES)
def test_every_day_is_what_the_ledger_charged_that_day(history: Past, zone: str) -> None:
    found = drawn(history, asked(zone))
    ledger = history.charged_by(lambda at: at.date(), zone)
    points = {point.at.date(): point.totals for point in found.points}
    assert len(points) == len(found.points) == (LAST - FIRST).days + 1
    for day, totals in points.items():
        assert (totals.tokens, totals.amount) == ledger.get(day, (0, 0)), day
    assert found.totals.amount == sum(amount for _, amount in ledger.values()) > 0


@pytest.mark.parametrize("zone", ZONES)
def test_every_hour_is_what_the_ledger_charged_in_it(history: Past, zone: str) -> None:
    what = asked(zone, "hour", first=date(2025, 10, 25), last=date(2025, 11, 4))
    found = drawn(history, what)
    ledger = history.charged_by(hour, zone)
    points = {point.at.timestamp(): point.totals for point in found.points}
    assert len(points) == len(found.points)
    for at, totals in points.items():
        assert (totals.tokens, totals.amount) == ledger.get(at, (0, 0))
    since, until = what.since.timestamp(), what.until.timestamp()
    within = sum(amount for at, _, amount in history.charges() if since <= at.timestamp() < until)
    assert sum(totals.amount for totals in points.values()) == found.totals.amount == within > 0


def test_the_hour_that_comes_twice_is_two(history: Past) -> None:
    day = date(2025, 11, 2)
    hours = [
        point.at for point in drawn(history, asked("America/New_York", "hour", first=day, last=day)).points
    ]
    assert len(hours) == 25
    assert [at.hour for at in hours[:4]] == [0, 1, 1, 2]
    assert [at.utcoffset() for at in hours[1:3]] == [timedelta(hours=-4), timedelta(hours=-5)]


def test_the_hour_that_is_skipped_is_none(history: Past) -> None:
    day = date(2026, 3, 8)
    hours = [
        point.at for point in drawn(history, asked("America/New_York", "hour", first=day, last=day)).points
    ]
    assert len(hours) == 23
    assert 2 not in [at.hour for at in hours]


def test_hours_of_kathmandu_begin_at_a_quarter_past(history: Past) -> None:
    day = date(2025, 10, 30)
    hours = [
        point.at for point in drawn(history, asked("Asia/Kathmandu", "hour", first=day, last=day)).points
    ]
    assert len(hours) == 24
    assert {at.astimezone(UTC).minute for at in hours} == {15}


@pytest.mark.parametrize("by", ["key", "model", "dialect", "member", "outcome"])
def test_the_groups_are_the_whole(history: Past, by: str) -> None:
    found = drawn(history, asked("Asia/Kathmandu", by=by))
    for measure in ("generations", "images", "tokens", "amount", "milliseconds"):
        whole = getattr(found.totals, measure)
        assert sum(getattr(group.totals, measure) for group in found.groups) == whole
        assert sum(getattr(part, measure) for point in found.points for part in point.groups) in (whole, 0)
    for point in found.points:
        if point.groups:
            assert sum(part.amount for part in point.groups) == point.totals.amount


def test_a_group_narrows_to_itself(history: Past) -> None:
    whole = drawn(history, asked("UTC", by="model"))
    for group in whole.groups:
        alone = drawn(history, asked("UTC", by="key", model=group.value))
        assert alone.totals == group.totals
        assert alone.failed == group.failed


def test_failures_are_counted_by_kind_and_cancelled_is_none(history: Past) -> None:
    found = drawn(history, asked("UTC", by="outcome"))
    of = {group.value: group.totals.generations for group in found.groups}
    assert found.failed == sum(
        number for kind, number in of.items() if kind not in ("succeeded", "cancelled")
    )
    assert set(found.kinds) == set(of) - {"succeeded", "cancelled"}
    assert 0 < found.failed_share < 1


def test_nothing_is_drawn_as_zeros(history: Past) -> None:
    found = drawn(history, asked("UTC", by="key", first=date(2020, 1, 1), last=date(2020, 1, 31)))
    assert len(found.points) == 31
    assert found.groups == ()
    assert {point.totals.amount for point in found.points} == {0}


def test_too_many_lines_are_refused_in_words(history: Past) -> None:
    with pytest.raises(InvalidValue, match="must end after it begins"):
        drawn(history, asked("UTC", first=LAST, last=FIRST))


@pytest.mark.parametrize("by", ["", "key", "model", "outcome"])
@pytest.mark.parametrize("step", ["day", "hour"])
def test_what_is_too_much_to_add_up_at_once_is_drawn_the_same(
    history: Past, monkeypatch: pytest.MonkeyPatch, step: str, by: str
) -> None:
    what = asked("Asia/Kathmandu", step, by)
    at_once = drawn(history, what)
    monkeypatch.setattr(series, "MOST_CELLS", 1)
    assert drawn(history, what) == at_once
