"""Hours of usage are their quarters, made once they are decided, and whoever changes one is named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg import sql

from billing import hours
from config import proof
from tests.cast import Cast, make_cast
from tests.law.books import changed, fallen

QUARTERS = """
    INSERT INTO billing_usage (organization_id, mode, quarter, model, dialect, outcome,
                               generations, images, tokens, amount, milliseconds)
    SELECT %s, 'live', date_bin('15 minutes', quarter, timestamptz 'epoch'), 'm', 'openai', 'succeeded',
           1, 2, 3, 5, 1000
    FROM generate_series(now() - interval '5 hours', now(), '15 minutes') AS quarter
"""


class Usage(NamedTuple):
    """An organization that was busy in every quarter of the last five hours."""

    cast: Cast
    superuser: psycopg.Connection[Any]

    def hours(self) -> list[tuple[int, datetime, int, int]]:
        """(id, hour, generations, milliseconds)"""
        return self.superuser.execute(
            "SELECT id, hour, generations, milliseconds FROM billing_usagehour"
            " WHERE organization_id = %s ORDER BY hour",
            (self.cast.organization.pk,),
        ).fetchall()


@pytest.fixture(scope="module")
def usage(quiet_database: str) -> Iterator[Usage]:
    cast = make_cast()
    with psycopg.connect(quiet_database, autocommit=True) as superuser:
        superuser.execute(QUARTERS, (cast.organization.pk,))
        yield Usage(cast, superuser)


@pytest.mark.parametrize("table", hours.WRITTEN)
def test_no_hour_is_made_while_somebody_still_writes(usage: Usage, quiet_database: str, table: str) -> None:
    with psycopg.connect(quiet_database) as writer:
        writer.execute(sql.SQL("LOCK TABLE {} IN ROW EXCLUSIVE MODE").format(sql.Identifier(table)))
        assert hours.roll_up() == 0
        writer.rollback()
    assert usage.hours() == []


def test_every_hour_that_is_over_is_the_sum_of_its_quarters(usage: Usage) -> None:
    assert hours.roll_up() > 0
    first, *whole = usage.hours()
    assert 1 <= first[2] <= 4
    assert {made[2:] for made in whole} == {(4, 4000)}
    assert whole[-1][1] + hours.HOUR <= datetime.now(UTC) - hours.MARGIN < whole[-1][1] + 2 * hours.HOUR


def test_an_hour_is_made_once(usage: Usage) -> None:
    before = usage.hours()
    hours.roll_up()
    hours.roll_up(datetime.now(UTC) - timedelta(days=1))
    assert usage.hours() == before


@pytest.mark.parametrize("change", ["tokens = tokens + 1", "model = 'another'", None])
def test_an_hour_that_was_changed_or_removed_is_named(usage: Usage, change: str | None) -> None:
    made, hour, *_ = usage.hours()[1]
    with changed(usage.superuser, "billing_usagehour", made, change):
        broken = fallen(proof.prove(only=["I23"]))
    slug = usage.cast.organization.slug
    name = f"of {slug}, live, m, openai, succeeded"
    assert any(f"{hour:%Y-%m-%d %H}" in row and name in row for row in broken["I23"])
    assert fallen(proof.prove(only=["I23"])) == {}


def test_nobody_changes_an_hour(usage: Usage) -> None:
    for attempt in ("UPDATE {} SET tokens = 0", "DELETE FROM {}", "TRUNCATE {}"):
        with pytest.raises(psycopg.Error, match="append-only"):
            usage.superuser.execute(sql.SQL(attempt).format(sql.Identifier("billing_usagehour")))
