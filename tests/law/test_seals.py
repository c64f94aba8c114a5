"""Seals: what was written is closed, hashed, chained and signed, and nobody can undo it unseen."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from accounts.auditing import Actor, record
from billing import seals
from billing.models import Seal
from config import proof
from tests.cast import Cast
from tests.law.books import changed, fallen

EVENTS, ENTRIES = "accounts_auditevent", "billing_entry"
_EVENT = """
    INSERT INTO accounts_auditevent (actor_type, actor_id, actor_label, agent, request_id, action,
                                     object_type, object_id, object_label, reason, before, after)
    VALUES ('system', '', 'test', '', '', 'test.event', '', '', '', '', '{}', '{}') RETURNING id
"""


def sealed(table: str, row: int) -> Seal:
    """The seal over a row, made now if no janitor was quicker."""
    until = time.monotonic() + 30
    while not (found := Seal.objects.filter(table=table, first_id__lte=row, last_id__gte=row).first()):
        assert time.monotonic() < until
        seals.seal(table)
    return found


def first(connection: psycopg.Connection, query: str) -> int:
    """The number that a query gives."""
    return int(connection.execute(query).fetchall()[0][0])  # type: ignore[call-overload]


def newest(superuser: psycopg.Connection, table: str) -> int:
    return first(superuser, f"SELECT max(id) FROM {table}")


def fallen_chain() -> set[str]:
    return fallen(proof.prove(only=["I17"])).get("I17", set())


def name_of(seal: Seal) -> str:
    return f"seal {seal.pk} ({seal.table} {seal.first_id}-{seal.last_id})"


@pytest.fixture
def entry(cast: Cast, superuser: psycopg.Connection) -> int:
    """An entry that was just written."""
    cast.credit(1)
    return newest(superuser, ENTRIES)


@pytest.fixture
def event(database: str, superuser: psycopg.Connection) -> int:
    """An audit event with every kind of letter in it."""
    actor = Actor.system('“é” \\ " \n\t\x01 é')
    record(by=actor, action="test.event", after={"b": 1, "aa": [1.5, None, "ü"]}, reason="why\x7f")
    return newest(superuser, EVENTS)


# ---- the format, from its description ------------------------------------------------------------


def moment(value: datetime) -> int:
    since = value - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def plain(value: Any) -> Any:
    if value is None or isinstance(value, (int, str)):
        return value
    return moment(value) if isinstance(value, datetime) else str(value)


COLUMNS = {
    ENTRIES: "id organization_id mode kind debit credit amount tokens unit_price generation_id reference"
    " reason actor created_at",
    EVENTS: "id at organization_id actor_type actor_id actor_label ip agent request_id action object_type"
    " object_id object_label reason before after",
}


def digest_of(superuser: psycopg.Connection, seal: Seal) -> bytes:
    """The digest as `billing/seals.py` describes it, made here."""
    as_text = ", before::text AS before, after::text AS after" if seal.table == EVENTS else ""
    query = f"SELECT *{as_text} FROM {seal.table} WHERE id BETWEEN %s AND %s ORDER BY id"
    with superuser.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query, (seal.first_id, seal.last_id)).fetchall()
    names = COLUMNS[seal.table].split()
    lines = [json.dumps([plain(row[name]) for name in names], ensure_ascii=False) for row in rows]
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).digest()


@pytest.mark.parametrize("table", [ENTRIES, EVENTS])
def test_a_seal_is_what_its_description_says(
    table: str, entry: int, event: int, superuser: psycopg.Connection, settings: Any
) -> None:
    seal = sealed(table, entry if table == ENTRIES else event)
    before = Seal.objects.filter(table=table, last_id__lt=seal.last_id).order_by("-last_id").first()
    assert seal.first_id == (before.last_id + 1 if before else 1)
    assert bytes(seal.previous) == (bytes(before.signature) if before else bytes(32))
    assert bytes(seal.digest) == digest_of(superuser, seal)
    lines = ["easel seal 1", table, str(seal.first_id), str(seal.last_id), str(seal.count)]
    lines += [bytes(seal.digest).hex(), bytes(seal.previous).hex()]
    message = "".join(f"{line}\n" for line in lines).encode()
    key = settings.EASEL.seal_keys[0]
    assert bytes(seal.signature) == hmac.new(key, message, hashlib.sha256).digest()
    assert fallen_chain() == set()


def test_what_is_sealed_is_not_sealed_again(entry: int) -> None:
    sealed(ENTRIES, entry)
    assert seals.seal(ENTRIES) is None


def test_a_table_is_sealed_by_one_janitor_at_a_time(entry: int, superuser: psycopg.Connection) -> None:
    with superuser.transaction():
        superuser.execute("SELECT pg_advisory_xact_lock(hashtextextended('seal:billing_entry', 0))")
        assert seals.seal(ENTRIES) is None
    assert sealed(ENTRIES, entry).last_id >= entry


def test_nothing_is_sealed_above_a_row_that_may_still_come(
    event: int, superuser: psycopg.Connection, admin_url: str
) -> None:
    sealed(EVENTS, event)
    with psycopg.connect(admin_url) as slow:  # has its id, and has not committed
        late = first(slow, _EVENT)
        early = first(superuser, _EVENT)
        assert late < early
        assert seals.seal(EVENTS) is None
        assert not Seal.objects.filter(table=EVENTS, last_id__gte=late).exists()
    seal = sealed(EVENTS, early)
    assert seal.first_id <= late
    assert bytes(seal.digest) == digest_of(superuser, seal)
    assert fallen_chain() == set()


def test_a_seal_is_no_longer_than_its_limit(
    event: int, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed(EVENTS, event)
    monkeypatch.setattr(seals, "ROWS", 2)
    made = [first(superuser, _EVENT) for _ in range(5)]
    assert seals.seal_all() >= 3
    assert [sealed(EVENTS, row).count for row in made] == [2, 2, 2, 2, 1]
    assert fallen_chain() == set()


# ---- what nobody can do unseen -------------------------------------------------------------------


@pytest.fixture
def chain(event: int, superuser: psycopg.Connection) -> Iterator[list[Seal]]:
    """Three seals over one event each (the middle one is what is tampered with)."""
    made = [sealed(EVENTS, event)]
    for _ in range(2):
        made.append(sealed(EVENTS, first(superuser, _EVENT)))
    assert fallen_chain() == set()
    yield made
    assert fallen_chain() == set()


def test_a_sealed_entry_that_is_changed_is_named(entry: int, superuser: psycopg.Connection) -> None:
    seal = sealed(ENTRIES, entry)
    with changed(superuser, ENTRIES, entry, "reason = 'another'"):
        assert fallen_chain() == {name_of(seal)}
    assert fallen_chain() == set()


@pytest.mark.parametrize(
    "change", ["actor_label = 'nobody'", "after = '{}'", "at = at + interval '1 us'", None]
)
def test_a_sealed_event_that_is_changed_or_removed_is_named(
    change: str | None, chain: list[Seal], superuser: psycopg.Connection
) -> None:
    row = chain[0].last_id
    with changed(superuser, EVENTS, row, change):
        assert fallen_chain() == {name_of(chain[0])}


def test_an_event_slipped_in_below_is_named(event: int, superuser: psycopg.Connection) -> None:
    burned = int(
        superuser.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id'))", (EVENTS,)).fetchall()[0][0]
    )
    seal = sealed(EVENTS, first(superuser, _EVENT))
    assert seal.first_id <= burned <= seal.last_id
    copied = "jsonb_populate_record(t, jsonb_build_object('id', %s::bigint))"
    for row, named in ((burned, name_of(seal)), (-burned, f"table {EVENTS}")):
        superuser.execute(
            f"INSERT INTO {EVENTS} SELECT copy.* FROM {EVENTS} t CROSS JOIN {copied} AS copy WHERE t.id = %s",
            (row, event),
        )
        assert fallen_chain() == {named}
        superuser.execute("SET session_replication_role = replica")
        superuser.execute(f"DELETE FROM {EVENTS} WHERE id = %s", (row,))
        superuser.execute("RESET session_replication_role")
    assert fallen_chain() == set()


def test_a_seal_that_is_gone_is_missed_by_the_next(chain: list[Seal], superuser: psycopg.Connection) -> None:
    with changed(superuser, "billing_seal", chain[1].pk, None):
        assert fallen_chain() == {name_of(chain[2])}


def test_a_seal_made_without_the_key_is_named(chain: list[Seal], superuser: psycopg.Connection) -> None:
    with changed(superuser, "billing_seal", chain[1].pk, "signature = sha256('guessed')"):
        assert fallen_chain() == {name_of(chain[1]), name_of(chain[2])}
    with changed(superuser, "billing_seal", chain[1].pk, "count = count + 1"):
        assert fallen_chain() == {name_of(chain[1])}


def test_old_seals_verify_under_a_new_key(entry: int, settings: Any) -> None:
    sealed(ENTRIES, entry)
    old = settings.EASEL
    settings.EASEL = dataclasses.replace(old, seal_keys=(b"a new key of thirty-two letters!", *old.seal_keys))
    assert fallen_chain() == set()
    settings.EASEL = dataclasses.replace(old, seal_keys=(b"a new key of thirty-two letters!",))
    assert fallen_chain() != set()
