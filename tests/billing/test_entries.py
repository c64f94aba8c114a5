"""Entries with the balance after each: the same wherever one begins to read, whatever one leaves out, and
whether or not they are in folios yet."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any

import pytest

from billing import entries, seals
from billing.entries import Line, Wanted
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


@pytest.fixture(scope="module", autouse=True, params=["loose", "in folios"])
def kept(history: Past, request: pytest.FixtureRequest) -> None:
    if request.param == "in folios":
        seals.seal_all()
        assert history.admin.execute("SELECT count(*) > 1 FROM billing_folio").fetchone() == (True,)


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
    before: int | None = None
    while True:
        lines = entries.page(history.cast.organization, "live", wanted, before=before, size=size)
        found += lines
        if len(lines) < size:
            return found
        before = lines[-1].id


@pytest.mark.parametrize("size", [7, 100])
@pytest.mark.parametrize("wanted", WANTED, ids=lambda wanted: f"{wanted.kind} {wanted.since} {wanted.until}")
def test_each_has_the_balance_after_it(
    history: Past, balances: dict[int, int], wanted: Wanted, size: int
) -> None:
    found = pages(history, wanted, size)
    assert {line.id: line.balance for line in found} == {line.id: balances[line.id] for line in found}
    assert [line.id for line in found] == sorted((line.id for line in found), reverse=True)


@pytest.mark.parametrize("wanted", WANTED, ids=lambda wanted: f"{wanted.kind} {wanted.since} {wanted.until}")
def test_all_that_are_wanted_are_there_and_no_others(history: Past, wanted: Wanted) -> None:
    rows = history.admin.execute(
        "SELECT id FROM billing_entry WHERE organization_id = %s AND mode = 'live'"
        " AND kind = coalesce(nullif(%s, ''), kind) AND created_at >= coalesce(%s, created_at)"
        " AND (%s::timestamptz IS NULL OR created_at < %s) ORDER BY id DESC",
        (history.cast.organization.pk, wanted.kind, wanted.since, wanted.until, wanted.until),
    )
    assert [line.id for line in pages(history, wanted, 60)] == [entry for (entry,) in rows]


def test_all_of_one_generation_are_found(history: Past) -> None:
    by_generation: defaultdict[Any, list[int]] = defaultdict(list)
    for line in pages(history, Wanted(), 100):
        by_generation[line.generation].append(line.id)
    for generation in [*by_generation][-3:]:
        found = pages(history, Wanted(generation=generation), 9)
        assert generation is None or [line.id for line in found] == by_generation[generation]


@pytest.mark.parametrize("wanted", WANTED, ids=lambda wanted: f"{wanted.kind} {wanted.since} {wanted.until}")
def test_the_way_back_is_the_way_there(history: Past, wanted: Wanted) -> None:
    lines = pages(history, wanted, 100)
    for here in range(1, len(lines), 40):
        size = min(here, 20)
        found = entries.newer(history.cast.organization, "live", wanted, after=lines[here].id, size=size)
        assert found == lines[here - size : here]


def test_all_of_them_are_all_of_them(history: Past, balances: dict[int, int]) -> None:
    assert [line.id for line in pages(history, Wanted(), 100)] == sorted(balances, reverse=True)


def test_an_organization_without_entries_has_none(history: Past) -> None:
    assert entries.page(history.cast.strangers, "live", Wanted(), size=9) == []
