"""Many queued generations at once, as rows: copies of one that went the whole way, with holds and all."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import psycopg

_FRESH = {
    "id": "gen_random_uuid()",
    "ticket": "substr(md5(random()::text), 1, 8)",
    '"order"': "jsonb_set(g.order, '{prompt}', to_jsonb(wanted.prompt))",
    "state": "'queued'",
    "hold": "'open'",
    "kind": "''",
    "message": "''",
    "request_id": "''",
    "parts": "'[]'",
    "usage": "'{}'",
    "synchronous": "false",
    "delivered": "0",
    "attempt": "0",
    "tries_left": "3",
    "ended_by": "NULL",
    "lease_owner": "''",
    "lease_expires_at": "NULL",
    "run_after": "clock_timestamp()",
    "deadline_at": "clock_timestamp() + interval '24 hours'",
    "created_at": "clock_timestamp()",
    "started_at": "NULL",
    "finished_at": "NULL",
    "expires_at": "NULL",
}
_COLUMNS = """
    SELECT quote_ident(column_name) FROM information_schema.columns
    WHERE table_name = %s AND is_generated = 'NEVER' AND is_identity = 'NO' AND table_schema = 'public'
"""
_HOLD = {"reference": "'hold:' || g.id", "generation_id": "g.id", "created_at": "clock_timestamp()"}


def queue_up(admin: psycopg.Connection, pattern: UUID, prompts: Sequence[str]) -> list[UUID]:
    """Queue one generation per prompt, each like `pattern` and held for; nobody is woken.

    `admin` is a connection that no wall holds; its transaction is the caller's.
    """
    values = {name: _FRESH.get(name, f"g.{name}") for name in _columns(admin, "generations_generation")}
    rows = admin.execute(
        f"INSERT INTO generations_generation ({', '.join(values)}) SELECT {', '.join(values.values())}"
        " FROM generations_generation g, unnest(%s::text[]) AS wanted (prompt) WHERE g.id = %s RETURNING id",
        (list(prompts), pattern),
    ).fetchall()
    made = [row[0] for row in rows]
    _hold(admin, pattern, made)
    return made


def _hold(admin: psycopg.Connection, pattern: UUID, made: Sequence[UUID]) -> None:
    """The entries and the wallet's side."""
    names = [name for name in _columns(admin, "billing_entry") if name != "id"]
    values = [_HOLD.get(name, f"e.{name}") for name in names]
    admin.execute(
        f"INSERT INTO billing_entry ({', '.join(names)}) SELECT {', '.join(values)}"
        " FROM billing_entry e, generations_generation g"
        " WHERE e.generation_id = %s AND e.kind = 'hold' AND g.id = ANY(%s)",
        (pattern, list(made)),
    )
    admin.execute(
        "UPDATE billing_wallet w SET held = held + %s * e.amount FROM billing_entry e"
        " WHERE e.generation_id = %s AND e.kind = 'hold' AND w.organization_id = e.organization_id"
        " AND w.mode = e.mode",
        (len(made), pattern),
    )


def _columns(admin: psycopg.Connection, table: str) -> list[str]:
    return [row[0] for row in admin.execute(_COLUMNS, (table,)).fetchall()]
