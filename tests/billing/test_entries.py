"""Entries with the balance after each: the same wherever one begins to read, and whatever one leaves out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing import entries
from billing.entries import Line, Position, Wanted
from tests.billing.books import Past
from tests.billing.conftest import BEGIN, END

DAY = timedelta(days=1)
WANTED = [
    Wanted(),
    Wanted(kind="settle"),
    Wanted(kind="credit"),
    Wanted(until=BEGIN + 2 * DAY),
    Wanted(since=END - 2 * DAY),
    Wanted(since=BEGIN + 5 * DAY, until=BEGIN + 6 * DAY),
    Wanted(kind="release", until=BEGIN + 6 * DAY),
    Wanted(kind="grant"),
    Wanted(until=BEGIN - DAY),
]


@pytest.fixture(scope="module")
def balances(history: Past) -> dict[int, int]:
    """What was available after each entry, by a plain running sum."""
    rows = history.admin.execute(
        "SELECT id, CASE 'prepaid' WHEN credit THEN amount WHEN debit THEN -amount ELSE 0 END"
        " FROM billing_entry WHERE organization_id = %s AND mode = 'live' ORDER BY id",
        (history.cast.organization.pk,),
    )
    available, after = 0, {}
    for entry, change in rows:
        available += int(change)
        after[entry] = available
    return after


def pages(history: Past, wanted: Wanted, size: int) -> list[Line]:
    """All of them, page by page."""
    found: list[Line] = []
    position: Position | None = None
    while True:
        lines = entries.page(history.cast.organization, "live", wanted, position=position, size=size)
        found += lines
        if len(lines) < size:
            return found
        position = entries.after(lines[-1])


@pytest.mark.parametrize("size", [7, 100])
@pytest.mark.parametrize("wanted", WANTED, ids=lambda wanted: f"{wanted.kind} {wanted.since} {wanted.until}")
def test_each_has_the_balance_after_it_from_whichever_side_it_is_summed(
    history: Past, balances: dict[int, int], wanted: Wanted, size: int
) -> None:
    found = pages(history, wanted, size)
    assert {line.id: line.balance for line in found} == {line.id: balances[line.id] for line in found}
    assert [line.id for line in found] == sorted((line.id for line in found), reverse=True)


def test_all_of_them_are_all_of_them(history: Past, balances: dict[int, int]) -> None:
    assert [line.id for line in pages(history, Wanted(), 100)] == sorted(balances, reverse=True)


def test_an_organization_without_entries_has_none(history: Past) -> None:
    assert entries.page(history.cast.strangers, "live", Wanted(), size=9) == []
