"""The pages over a past with a change of clocks in it, and however long it is."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.money import dollars
from tests.accounts.visits import Visitor
from tests.billing.books import Past, drawn, sums, told

pytestmark = pytest.mark.filterwarnings("ignore:No directory at")
CUSTOM = "?range=custom&from=2025-10-23&to=2025-11-06"


@pytest.fixture
def owner(history: Past) -> Visitor:
    return Visitor(history.cast.owner, history.cast.organization)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
def test_a_range_over_the_change_of_clocks_is_the_ledger(history: Past, owner: Visitor, zone: str) -> None:
    charged = sum(amount for _, _, amount in history.charges())
    rows = told(owner.client.get(owner.address("export_usage") + f"{CUSTOM}&timezone={zone}&by=key"))
    assert sum(Decimal(row["cost_usd"]) for row in rows) == dollars(charged)
    page = owner.look("usage", f"{CUSTOM}&timezone={zone}&by=key")
    assert round(sums(drawn(page)["spend"]), 6) == round(float(dollars(charged)), 6)


def test_the_number_of_queries_does_not_depend_on_the_range(history: Past, owner: Visitor) -> None:
    owner.look("usage")
    counted = set()
    for first in (date(2025, 11, 3), date(2025, 10, 20), date(2025, 1, 1)):
        with CaptureQueriesContext(connection) as queries:
            owner.look("usage", f"?range=custom&from={first}&to={date(2025, 11, 4)}&by=key")
        counted.add(len(queries))
    assert len(counted) == 1


def test_the_number_of_queries_does_not_depend_on_the_rows(history: Past, owner: Visitor) -> None:
    owner.look("entries")
    counted = set()
    for query in ("", "?kind=settle", "?kind=refund", "?from=2025-10-30&to=2025-10-31"):
        with CaptureQueriesContext(connection) as queries:
            owner.look("entries", query)
        counted.add(len(queries))
    assert len(counted) == 1


def test_a_statement_leads_to_the_entries_of_its_month(history: Past, owner: Visitor) -> None:
    page = owner.read("statement", "?timezone=Asia/Kathmandu", month="2025-11")
    assert "Asia/Kathmandu" in page
    assert "1 Nov 2025" in page
    rows = told(owner.client.get(owner.address("export_statement", month="2025-11") + "?timezone=UTC"))
    assert (rows[0]["line"], rows[-1]["line"]) == ("opening", "closing")
    amounts = sum(Decimal(row["amount_usd"]) for row in rows[1:-1])
    assert Decimal(rows[0]["balance_usd"]) + amounts == Decimal(rows[-1]["balance_usd"])
    assert Decimal(rows[-1]["balance_usd"]) == dollars(history.posted())
