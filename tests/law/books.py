"""An honest history, made by the real verbs, and a hand that changes one row of it behind every wall."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from accounts.actions import keys
from accounts.models import ApiKey, OutboxMessage
from accounts.webhooks import deliveries
from accounts.webhooks.claims import Claim
from billing import actions as billing
from billing import ledger
from config.proof import Proof
from generations import outputs
from generations.actions import finish
from generations.actions.claim import Claimed
from generations.actions.finish import Stored, Tried
from generations.actions.submit import Asked, Quote, held_by, submit
from generations.models import Generation
from generations.spec import Kind, Order
from runtime import storage
from runtime.clock import utc_now
from runtime.tenancy import tenant
from tests.cast import BY, IMAGE, Cast, make_cast

MODEL = "gemini-2.5-flash-image"


@dataclass(frozen=True)
class Books:
    """One organization's history: the generations by what became of them, and its live key."""

    cast: Cast
    key: ApiKey
    partial: UUID
    told: UUID
    failed: UUID
    cancelled: UUID
    waiting: UUID
    running: UUID
    test: UUID

    @property
    def organization(self) -> UUID:
        identifier: UUID = self.cast.organization.pk
        return identifier


def write_books(superuser: psycopg.Connection) -> Books:
    """Two images ordered and one made, with an idempotency key and a refund; one with a callback; one
    that failed, one that was cancelled, one that waits for another try, one that runs; one in test mode."""
    cast = make_cast()
    cast.credit(20)
    key, _ = keys.create(organization=cast.organization, mode="live", name="books", by=BY)
    tester, _ = keys.create(organization=cast.organization, mode="test", name="tests", by=BY)
    _make_budgets(superuser, cast, key)
    partial = _start(key, count=2, idempotency_key="the first")
    finish.succeed(partial, [_store(partial, 0)], (), Tried(images=1))
    _refund(partial, tokens=290)
    told = _start(key, callback_url="https://example.test/hook")
    finish.succeed(told, [_store(told, 0)], (), Tried(images=1))
    failed = _start(key)
    finish.fail(failed, Kind.UPSTREAM_ERROR, "It failed.")
    cancelled = _start(key)
    finish.cancel(cancelled.organization, cancelled.id)
    waiting = _start(key)
    finish.retry(waiting, Kind.RATE_LIMITED, 3600, Tried(), waits=True)
    running = _start(key)
    test = _start(tester)
    finish.succeed(test, [_store(test, 0)], (), Tried(images=1))
    _deliver(told)
    superuser.execute(  # as if its process went on renewing
        "UPDATE generations_generation SET lease_expires_at = now() + interval '1 hour' WHERE id = %s",
        (running.id,),
    )
    return Books(
        cast, key, partial.id, told.id, failed.id, cancelled.id, waiting.id, running.id, test.id
    )  # fmt: skip


def _deliver(told: Claimed) -> None:
    """Its message, answered with 200."""
    with tenant(told.organization):
        message = OutboxMessage.objects.of(told.organization).get(generation_id=told.id)
    claim = Claim(told.organization, message.pk, message.claims)
    parcel = deliveries.Parcel(claim, message.url, {}, b"{}", utc_now(), None, None)
    deliveries.record(parcel, deliveries.Result(200, b"", 0.1, ""))


def _make_budgets(superuser: psycopg.Connection, cast: Cast, key: ApiKey) -> None:
    """One of the key, one of the organization, both made an hour before anything was spent."""
    for of_key in (key.pk, None):
        billing.set_budget(
            organization=cast.organization, period="total", limit=100 * IMAGE, by=BY, key=of_key
        )
    superuser.execute(
        "UPDATE billing_budget SET created_at = created_at - interval '1 hour' WHERE organization_id = %s",
        (cast.organization.pk,),
    )


def _start(
    key: ApiKey, *, count: int = 1, idempotency_key: str = "", callback_url: str | None = None
) -> Claimed:
    """A synchronous submit that starts at once."""
    asked = Asked(
        organization=key.organization_id,
        mode=key.mode,
        key=key.pk,
        member=None,
        dialect="openai",
        idempotency_key=idempotency_key,
        wait=True,
        owner="books",
    )
    order = Order(model=MODEL, asked=MODEL, prompt="a heron", count=count, callback_url=callback_url)
    claimed = submit(asked, order, Quote(image_tokens=1290)).claimed
    assert claimed is not None
    return claimed


def _store(mine: Claimed, number: int) -> Stored:
    data = f"the bytes of image {number} of {mine.id}".encode()
    key = outputs.key(
        mine.mode, mine.created_at.date(), mine.organization, mine.id, mine.attempt, number, "png"
    )
    storage.default().put(key, data, "image/png")
    return Stored(key, "image/png", 1024, 1024, len(data), hashlib.sha256(data).hexdigest())


def _refund(mine: Claimed, *, tokens: int) -> None:
    with tenant(mine.organization):
        held = held_by(Generation.objects.of(mine.organization).get(pk=mine.id))
        ledger.refund(held=held, tokens=tokens, reference=f"refund:{mine.id}", reason="a gift", actor="test")


def fallen(result: Proof) -> dict[str, set[str]]:
    """The broken invariants, each with the rows it names."""
    return {found.id: {broken.row for broken in found.broken} for found in result.findings if found.broken}


# ---- the hand ----------------------------------------------------------------------------------


@contextmanager
def changed(superuser: psycopg.Connection, table: str, row: object, change: str | None) -> Iterator[None]:
    """One row with other values (`change` is what follows SET) or gone (None), then put back as it was.

    No trigger, no foreign key and no append-only wall hold this hand. It keeps the row locked, so
    that no janitor mends it meanwhile.
    """
    name = sql.Identifier(table)
    superuser.execute("SET session_replication_role = replica")
    kept = _one(superuser, sql.SQL("SELECT to_jsonb(t) FROM {} t WHERE id = %s").format(name), row)
    assert kept is not None, f"{table} has no row {row}"
    how = sql.SQL("DELETE FROM {} t").format(name)
    if change is not None:
        how = sql.SQL("UPDATE {} t SET ").format(name) + sql.SQL(change)  # type: ignore[arg-type]  # ours
    assert _one(superuser, how + sql.SQL(" WHERE id = %s RETURNING 1"), row) == 1
    try:
        with superuser.transaction():
            superuser.execute(sql.SQL("SELECT FROM {} WHERE id = %s FOR UPDATE").format(name), (row,))
            try:
                yield
            finally:
                superuser.execute(sql.SQL("DELETE FROM {} WHERE id = %s").format(name), (row,))
                put = sql.SQL("INSERT INTO {} SELECT * FROM jsonb_populate_record(NULL::{}, %s)")
                superuser.execute(put.format(name, name), (psycopg.types.json.Jsonb(kept),))
    finally:
        superuser.execute("RESET session_replication_role")


@contextmanager
def lifted(superuser: psycopg.Connection, table: str, constraint: str) -> Iterator[None]:
    """A check that the database itself makes, taken away for a moment."""
    asked = sql.SQL("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s")
    definition = _one(superuser, asked, constraint)
    names = (sql.Identifier(table), sql.Identifier(constraint))
    superuser.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(*names))
    try:
        yield
    finally:
        again = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} " + definition).format(*names)
        superuser.execute(again)


@contextmanager
def done(superuser: psycopg.Connection, statement: str, undo: str) -> Iterator[None]:
    """A statement of the administrator's, and then the one that takes it back."""
    superuser.execute(statement)  # type: ignore[call-overload]
    try:
        yield
    finally:
        superuser.execute(undo)  # type: ignore[call-overload]


def _one(superuser: psycopg.Connection, query: sql.SQL | sql.Composed, value: object) -> Any:
    found = superuser.execute(query, (value,)).fetchone()
    return found[0] if found else None
