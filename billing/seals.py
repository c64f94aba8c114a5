"""Seals: each minute a range of an append-only table is closed, hashed, chained and signed.

Nobody who can write to the database can then change, remove or slip in a row below the sealed
horizon without a trace: the key that signs is not in the database. What was written since the last
seal, a minute at most, is exposed.

The format, version 1. `prove_ledger` recomputes it from this description and shares no code:

    a row      one line, a JSON array of its columns in the order of `_ARRAYS`, as PostgreSQL prints
               jsonb and Python `json.dumps(row, ensure_ascii=False)`: ", " between items, strings as
               UTF-8 with only quotes, backslashes and control characters escaped, null for NULL;
               then one newline. UUIDs are lower-case text, moments whole microseconds since 1970,
               addresses without a prefix length, JSON columns the text of their jsonb
    digest     SHA-256 of the lines of `first_id` to `last_id`, both included, in order of id
    range      `first_id` is the `last_id` of the table's seal before, plus 1; the first seal's is 1.
               Ids that are missing were rolled back
    previous   the signature of the table's seal before; 32 zero bytes for the first
    signature  HMAC-SHA256, with the newest key of EASEL_SEAL_KEY, of these lines, a newline after
               each: "easel seal 1", table, first_id, last_id, count, digest, previous (hex)
"""

from __future__ import annotations

import hmac
from hashlib import sha256

from django.conf import settings
from django.db import connection, transaction

from billing import folios, writers
from billing.models import Seal
from runtime.tenancy import audit

ROWS = 10_000
"""At most so many rows in one seal, which bounds the memory of whoever checks it."""
SEALS_A_TURN = 50

_ARRAYS = {
    "billing_entry": """
        id, organization_id, mode, kind, debit, credit, amount, tokens, unit_price, generation_id, reference,
        reason, actor, (extract(epoch FROM created_at) * 1000000)::bigint
    """,
    "accounts_auditevent": """
        id, (extract(epoch FROM at) * 1000000)::bigint, organization_id, actor_type, actor_id, actor_label,
        host(ip), agent, request_id, action, object_type, object_id, object_label, reason, before::text,
        after::text
    """,
}
TABLES = tuple(_ARRAYS)


def seal_all() -> int:
    """Close what there is to close in every table, at most 50 seals each, and fill the folios behind them.
    Returns how many seals."""
    return sum(_seal_table(table) for table in TABLES)


def _seal_table(table: str) -> int:
    for made in range(SEALS_A_TURN):
        closed = seal(table)
        if closed is None:
            return made
        if table == "billing_entry":
            folios.fill(closed.first_id, closed.last_id)
    return SEALS_A_TURN


def seal(table: str) -> Seal | None:
    """Close the next range of `billing_entry` or `accounts_auditevent`.

    None if there is nothing new, if another janitor is at it, or if a transaction that may still
    write below the horizon does not end within two seconds: the next minute will do.
    """
    with transaction.atomic():
        if not _mine(table):
            return None
        before = Seal.objects.filter(table=table).order_by("-last_id").first()
        first = before.last_id + 1 if before else 1
        with audit():
            horizon = _horizon(table)
            closed = _digest(table, first, horizon) if horizon >= first else None
        if closed is None:
            return None
        last, count, digest = closed
        previous = bytes(before.signature) if before else bytes(32)
        return Seal.objects.create(
            table=table,
            first_id=first,
            last_id=last,
            count=count,
            digest=digest,
            previous=previous,
            signature=_sign(table, first, last, count, digest, previous),
        )


def _mine(table: str) -> bool:
    """One sealer per table at a time; the lock ends with the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", (f"seal:{table}",))
        return bool(cursor.fetchone()[0])


def _horizon(table: str) -> int:
    """An id below which nothing will be written any more; 0 if there is none yet.

    Ids are given out before they commit. Whoever was given one below the highest that is committed
    had locked the table for writing by then, and keeps that lock to his end; so when all who hold
    one now have ended, everything below is decided. Transaction ids would not do: one is given to
    a transaction only after its row has its id.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(max(id), 0) FROM {table}")  # noqa: S608  one of our two tables
        highest = int(cursor.fetchone()[0])
    return highest if writers.have_ended(table) else 0


def _digest(table: str, first: int, horizon: int) -> tuple[int, int, bytes] | None:
    """Last id, count and SHA-256 of the next rows up to the horizon; None if there are none."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT max(id), count(*), sha256(convert_to(string_agg(line || chr(10), '' ORDER BY id), 'UTF8'))
            FROM (SELECT id, jsonb_build_array({_ARRAYS[table]})::text AS line FROM {table}
                  WHERE id BETWEEN %s AND %s ORDER BY id LIMIT %s) AS batch
            """,  # noqa: S608  the names are literals of this module
            (first, horizon, ROWS),
        )
        last, count, digest = cursor.fetchone()
    return (last, count, bytes(digest)) if count else None


def _sign(table: str, first: int, last: int, count: int, digest: bytes, previous: bytes) -> bytes:
    lines = ("easel seal 1", table, first, last, count, digest.hex(), previous.hex())
    message = "".join(f"{line}\n" for line in lines).encode()
    return hmac.new(settings.EASEL.seal_keys[0], message, sha256).digest()
