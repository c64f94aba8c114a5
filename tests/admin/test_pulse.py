"""The operators' roll-ups come to what the ledger charged, for any period, however often they are made."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from statistics import quantiles

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization
from billing.models import Entry
from config.management.commands.seed_history import fill
from generations import pulse
from generations.models import Generation, Pulse
from generations.pulse import Period, buckets
from generations.pulse.buckets import Times
from runtime.clock import utc_now
from runtime.tenancy import operator
from tests.cast import Cast, make_cast
from tests.work import started, succeeded

pytestmark = pytest.mark.usefixtures("quiet_database")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def past(quiet_database: str) -> Organization:
    organization = make_cast().organization
    fill(organization, admin_url=quiet_database, generations=900, days=12, seed=11, told=lambda _: None)
    return organization


def charged(period: Period) -> int:
    """Nano-dollars that the ledger charged for what ended in a period."""
    with operator():
        ended = Generation.objects.across().filter(
            finished_at__gte=period.since, finished_at__lt=period.until, mode="live"
        )
        entries = Entry.objects.across().filter(kind="settle", generation_id__in=ended.values("id"))
        return sum(entries.values_list("amount", flat=True))


def lengths() -> list[Period]:
    now = utc_now()
    hours = (1, 5, 24, 25, 47, 100, 24 * 13)
    whole = [Period.around(now - timedelta(hours=length), now) for length in hours]
    return [*whole, Period.around(now - timedelta(days=6, hours=5), now - timedelta(days=2, hours=9))]


def test_every_period_comes_to_what_the_ledger_charged(past: Organization) -> None:
    for period in lengths():
        found = pulse.report(period, "live")
        assert found.total.amount == charged(period), period
        for side in (found.days, found.organizations, found.models, found.doors, found.outcomes):
            assert sum(line.amount for line in side.values()) == found.total.amount
            assert sum(line.generations for line in side.values()) == found.total.generations


def test_days_are_read_from_days(past: Organization) -> None:
    with operator():
        steps = set(Pulse.objects.across().values_list("step", flat=True))
    assert steps == {"hour", "day"}
    with CaptureQueriesContext(connection) as queries:
        pulse.report(Period.around(LONG_AGO, utc_now()), "live")
    assert len(queries) < 10  # entering the scope, where the roll-ups end, the sums


def test_what_is_made_twice_is_made_once(past: Organization) -> None:
    period = Period.around(LONG_AGO, utc_now())
    before = pulse.report(period, "live"), pulse.paces(period, "live")
    assert pulse.roll_up(LONG_AGO) > 0
    assert (pulse.report(period, "live"), pulse.paces(period, "live")) == before
    assert pulse.roll_up() <= 1


def test_what_ended_just_now_is_there_at_once(past: Organization) -> None:
    period = Period.around(utc_now() - timedelta(hours=1), utc_now())
    before = pulse.report(period, "live").total
    succeeded(make_cast(), keys=[f"live/{utc_now().timestamp()}/0.png"])
    after = pulse.report(period, "live").total
    assert (after.generations - before.generations, after.images - before.images) == (1, 1)


def test_percentiles_are_those_of_the_generations(past: Organization) -> None:
    with operator():
        rows = Generation.objects.across().filter(mode="live", state="succeeded", dialect="openai")
        spans = [(row.finished_at - row.created_at).total_seconds() for row in rows if row.finished_at]
    doors, providers = pulse.paces(Period.around(LONG_AGO, utc_now()), "live")
    assert doors["openai"].total == len(spans)
    assert (
        0 < sum(times.total for times in providers.values()) <= sum(times.total for times in doors.values())
    )
    cuts = quantiles(spans, n=20)
    for share, exact in ((0.5, cuts[9]), (0.95, cuts[18])):
        assert doors["openai"].quantile(share) == pytest.approx(exact, rel=0.1)


def test_the_queue_tells_what_waits_and_since_when() -> None:
    cast: Cast = make_cast()
    before = pulse.waiting("live")
    started(cast)
    after = pulse.waiting("live")
    assert (after.running - before.running, after.queued, after.stuck) == (1, before.queued, before.stuck)


def test_a_bucket_is_the_same_in_sql_and_in_python(past: Organization) -> None:
    chance = random.Random(1290)
    for seconds in (0.0, 0.049, 0.05, 0.051, 1.0, 99_999.0, *(chance.expovariate(0.1) for _ in range(50))):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {buckets.bucket_sql('%(s)s::float8')}", {"s": seconds})
            (place,) = cursor.fetchone() or (None,)
        counts = [int(other == place) for other in range(buckets.COUNT)]
        low, high = buckets._seconds(place, 0.0), buckets._seconds(place, 1.0)
        assert place == buckets.COUNT - 1 or low <= seconds <= high or seconds == pytest.approx(low)
        assert Times.of(counts).total == 1
