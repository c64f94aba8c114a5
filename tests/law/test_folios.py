"""Folios: full pages of a ledger that is sealed, with what they come to, and nothing that is not so."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import psycopg
import pytest
from django.db import connection

from billing import actions, entries, folios, seals
from billing.entries import Wanted
from billing.models import Folio
from config import proof
from runtime.tenancy import tenant
from tests.cast import BY, IMAGE, Cast, make_cast
from tests.law.books import changed, fallen

FULL = 2
LOOSE = 7


class Ledger(NamedTuple):
    """One organization with two folios' worth of entries and seven more."""

    cast: Cast
    superuser: psycopg.Connection[Any]

    def folios(self) -> list[Folio]:
        with tenant(self.cast.organization):
            return list(Folio.objects.of(self.cast.organization).order_by("last_entry"))

    def fill(self) -> int:
        (last,) = self.superuser.execute("SELECT max(id) FROM billing_entry").fetchone() or (0,)
        return folios.fill(1, last)


@pytest.fixture(scope="module")
def ledger(quiet_database: str) -> Iterator[Ledger]:
    cast = make_cast()
    for _ in range(FULL * folios.SIZE + LOOSE):
        cast.credit(1)
    with psycopg.connect(quiet_database, autocommit=True) as superuser:
        yield Ledger(cast, superuser)


def test_nothing_is_in_a_folio_before_it_is_sealed(ledger: Ledger) -> None:
    assert ledger.folios() == []
    while seals.seal_all():
        pass
    assert len(ledger.folios()) == FULL


def test_a_folio_is_the_next_entries_with_what_they_come_to(ledger: Ledger) -> None:
    lines = entries.page(ledger.cast.organization, "live", Wanted(), size=1000)[::-1]
    for number, folio in enumerate(ledger.folios()):
        mine = lines[number * folios.SIZE : (number + 1) * folios.SIZE]
        assert (folio.first_entry, folio.last_entry) == (mine[0].id, mine[-1].id)
        assert (folio.earliest, folio.latest) == (
            min(line.at for line in mine),
            max(line.at for line in mine),
        )
        assert folio.carried == (number + 1) * folios.SIZE * IMAGE == mine[-1].balance
        assert (folio.charges, folio.tokens, folio.charged) == (0, 0, 0)


def test_what_is_in_a_folio_is_not_put_into_another(ledger: Ledger) -> None:
    before = ledger.folios()
    assert ledger.fill() == 0
    assert ledger.folios() == before


def test_a_folio_is_only_ever_full(ledger: Ledger) -> None:
    for _ in range(folios.SIZE - LOOSE - 1):
        ledger.cast.credit(1)
    assert ledger.fill() == 0
    ledger.cast.credit(1)
    assert ledger.fill() == 1
    assert len(ledger.folios()) == FULL + 1


def test_janitors_that_fill_at_once_write_each_folio_once(ledger: Ledger) -> None:
    for _ in range(folios.SIZE):
        ledger.cast.credit(1)

    def fill(_: int) -> int:
        try:
            return ledger.fill()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as janitors:
        assert sum(janitors.map(fill, range(4))) == 1
    assert fallen(proof.prove(only=["I22"])) == {}


def test_the_other_mode_has_folios_of_its_own(ledger: Ledger) -> None:
    actions.grant(organization=ledger.cast.organization, mode="test", amount=IMAGE, reason="test", by=BY)
    assert ledger.fill() == 0
    assert {folio.mode for folio in ledger.folios()} == {"live"}


@pytest.mark.parametrize(
    "change",
    ["carried = carried + 1", "charges = 1", "latest = earliest", "first_entry = first_entry + 1", None],
)
def test_a_folio_that_was_changed_or_removed_is_named(ledger: Ledger, change: str | None) -> None:
    first, second, *_ = ledger.folios()
    with changed(ledger.superuser, "billing_folio", first.pk, change):
        broken = fallen(proof.prove(ledger.cast.organization.pk))
    wrong = first if change else second
    name = f"folio {wrong.pk}, live of {ledger.cast.organization.slug}"
    assert set(broken) == {"I22"}
    assert name in broken["I22"]
    assert fallen(proof.prove(ledger.cast.organization.pk)) == {}


def test_nobody_changes_a_folio(ledger: Ledger) -> None:
    for attempt in (
        "UPDATE billing_folio SET carried = 0",
        "DELETE FROM billing_folio",
        "TRUNCATE billing_folio",
    ):
        with pytest.raises(psycopg.Error, match="append-only"):
            ledger.superuser.execute(attempt)
