"""A statement is the ledger of a month, to the token (B11)."""

from __future__ import annotations

from datetime import date, datetime, time
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from billing import actions, seals, statements
from billing.models import Entry
from billing.statements import following
from generations.models import Generation
from runtime.clock import utc_now
from runtime.tenancy import tenant
from tests.billing.books import Past
from tests.cast import BY, IMAGE
from tests.law.team import Team

ZONES = ("UTC", "Asia/Kathmandu", "America/New_York", "Pacific/Apia")
OCTOBER, NOVEMBER = date(2025, 10, 1), date(2025, 11, 1)


@pytest.fixture(scope="module", autouse=True, params=["loose", "in folios"])
def kept(history: Past, request: pytest.FixtureRequest) -> None:
    """Whether the entries are in folios yet makes no difference."""
    if request.param == "in folios":
        seals.seal_all()
        assert history.admin.execute("SELECT count(*) > 1 FROM billing_folio").fetchone() == (True,)


@pytest.mark.parametrize("zone", ZONES)
def test_a_month_is_what_the_ledger_says_of_it(history: Past, zone: str) -> None:
    there = ZoneInfo(zone)
    for first in (OCTOBER, NOVEMBER):
        found = statements.statement(history.cast.organization, "live", first, there)
        since, until = (datetime.combine(day, time(), there) for day in (first, following(first)))
        rows = history.admin.execute(
            "SELECT coalesce(sum(tokens) FILTER (WHERE kind = 'settle'), 0),"
            " coalesce(sum(amount) FILTER (WHERE kind = 'settle'), 0),"
            " coalesce(sum(amount) FILTER (WHERE kind = 'grant'), 0)"
            " FROM billing_entry WHERE organization_id = %s AND mode = 'live' AND created_at >= %s"
            " AND created_at < %s",
            (history.cast.organization.pk, since, until),
        )
        tokens, charged, granted = rows.fetchone() or (0, 0, 0)
        assert (found.tokens, found.charged) == (tokens, charged)
        assert found.closing - found.opening == granted - charged
        assert all(line.model for line in found.charges)
        assert found.images == sum(line.images for line in found.charges) > 0


@pytest.mark.parametrize("zone", ZONES)
def test_each_month_begins_where_the_last_one_ended(history: Past, zone: str) -> None:
    there = ZoneInfo(zone)
    months = statements.months(history.cast.organization, "live", there)
    assert months[-1].opening == 0
    assert months[0].closing == history.posted()
    for later, earlier in pairwise(months):
        assert later.opening == earlier.closing
        assert later.first == following(earlier.first)
    for month in months:
        found = statements.statement(history.cast.organization, "live", month.first, there)
        assert (found.opening, found.closing, found.charged, found.tokens) == (
            month.opening, month.closing, month.charged, month.tokens,
        )  # fmt: skip


def test_there_is_a_statement_of_every_month_that_was(history: Past) -> None:
    first, last = statements.span(history.cast.organization, "live", ZoneInfo("UTC"))
    assert (first, last) == (OCTOBER, utc_now().date().replace(day=1))


def test_credit_refunds_and_adjustments_have_their_lines(history: Past) -> None:
    team = Team.with_credit(history.admin, 10)
    done = team.finished(2)
    team.refund(done, 1, "one image was blank")
    with tenant(team.id):
        organization = Generation.objects.of(team.id).get(pk=done).organization
    actions.adjust(organization=organization, amount=-IMAGE, reason="a correction", by=BY)
    today = utc_now().date().replace(day=1)
    found = statements.statement(team.id, "live", today, ZoneInfo("UTC"))
    lines = {line.kind: (line.count, line.tokens, line.amount) for line in found.lines}
    assert lines == {
        Entry.Kind.GRANT: (1, 0, 10 * IMAGE),
        Entry.Kind.REFUND: (1, 1290, IMAGE),
        Entry.Kind.ADJUST: (1, 0, -IMAGE),
        Entry.Kind.SETTLE: (1, 2580, -2 * IMAGE),
    }
    assert found.opening == 0
    assert found.closing == team.wallet()[0] == 8 * IMAGE
    assert not found.over


def test_what_running_work_holds_is_not_spent_yet(history: Past) -> None:
    team = Team.with_credit(history.admin, 10)
    generation = team.queued(3)
    today = utc_now().date().replace(day=1)
    found = statements.statement(team.id, "live", today, ZoneInfo("UTC"))
    assert (found.closing, found.charged) == (10 * IMAGE, 0)
    team.clear_queue()
    assert team.state(generation) == "cancelled"


def test_a_charge_carries_the_moment_it_is_counted_at(history: Past) -> None:
    """Else a charge at midnight would be of one day in the ledger and of another in the charts."""
    team = Team.with_credit(history.admin, 2)
    done = team.finished(2, images=1)
    times = history.admin.execute(
        "SELECT DISTINCT g.finished_at = e.created_at FROM billing_entry e"
        " JOIN generations_generation g ON g.id = e.generation_id"
        " WHERE e.generation_id = %s AND e.kind IN ('settle', 'release')",
        (done,),
    )
    assert times.fetchall() == [(True,)]


def test_a_charge_that_no_roll_up_knows_is_a_line_of_its_own(history: Past) -> None:
    """Whatever becomes of the roll-ups, a statement is the ledger's."""
    where = "organization_id = %s AND mode = 'live' AND model = 'gemini-3-pro-image' AND amount > 0"
    organization = history.cast.organization
    before = statements.statement(organization, "live", NOVEMBER, ZoneInfo("UTC"))
    history.admin.execute(f"UPDATE billing_usage SET mode = 'test' WHERE {where}", (organization.pk,))
    try:
        after = statements.statement(organization, "live", NOVEMBER, ZoneInfo("UTC"))
    finally:
        history.admin.execute(
            "UPDATE billing_usage SET mode = 'live' WHERE organization_id = %s AND mode = 'test'"
            " AND key_id IN (SELECT id FROM accounts_apikey WHERE mode = 'live')",
            (organization.pk,),
        )
    assert (after.charged, after.tokens, after.closing) == (before.charged, before.tokens, before.closing)
    assert [line.model for line in after.charges][-1] == ""
