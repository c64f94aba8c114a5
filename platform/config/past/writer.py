"""Puts a story into the database by COPY, thousands of rows at once.

As the administrator and without triggers: what a trigger would note (the transitions) is a row of the
story too, with the time of the story. One transaction: a story is written whole or not at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from config.past import rows
from config.past.rows import Row
from config.past.story import Made, Story

BATCH = 2_000
TOP_UP = 25_000_000_000
"""Nano-dollars that the team adds when its balance would run out."""
TABLES = (
    "generations_generation", "generations_attempt", "generations_output", "generations_transition",
    "billing_entry", "generations_apirequest",
)  # fmt: skip


def write(
    admin_url: str, organization: UUID, story: Story, *, now: datetime, told: Callable[[int], None]
) -> int:  # fmt: skip
    """Write the story of an organization that has none yet. Returns how many generations it has; `told`
    hears after each batch how many are written. Raises psycopg.Error."""
    with psycopg.connect(admin_url) as admin:
        admin.execute("SET LOCAL session_replication_role = replica")
        book = _Book(admin, organization, now)
        for made in story:
            book.add(made)
            if len(book.waiting["generations_generation"]) >= BATCH:
                book.flush()
                told(book.written)
        book.flush()
        _summarise(admin, organization)
    return book.written


class _Book:
    """The rows that wait to be written, and the balances as the story goes on."""

    def __init__(self, admin: psycopg.Connection[Any], organization: UUID, now: datetime) -> None:
        self._admin, self._organization, self._now = admin, organization, now
        self.waiting: defaultdict[str, list[Row]] = defaultdict(list)
        self._available: defaultdict[str, int] = defaultdict(int)
        self._grants = 0
        self.written = 0

    def add(self, made: Made) -> None:
        self._pay(made)
        us = self._organization
        self._put("generations_generation", [rows.generation(us, made)])
        self._put("generations_attempt", rows.attempts(us, made))
        self._put("generations_output", rows.outputs(us, made, self._now))
        self._put("generations_transition", rows.transitions(us, made))
        self._put("billing_entry", rows.entries(us, made))
        self._put("generations_apirequest", rows.requests(us, made))
        self.written += 1

    def _put(self, table: str, made: Iterable[Row]) -> None:
        self.waiting[table] += made

    def _pay(self, made: Made) -> None:
        """Credit before it is needed: holds of the story may overlap, so a margin stays."""
        mode = made.caller.mode
        price = made.cell.size.tokens * made.cell.unit_price
        if self._available[mode] < price * made.count + TOP_UP // 5:
            self._grants += 1
            at = made.created_at - timedelta(seconds=30)
            self._put("billing_entry", [rows.grant(self._organization, mode, TOP_UP, self._grants, at)])
            self._available[mode] += TOP_UP
        self._available[mode] -= price * made.delivered

    def flush(self) -> None:
        for table in TABLES:
            if waiting := self.waiting.pop(table, []):
                _copy(self._admin, table, waiting)


def _copy(admin: psycopg.Connection[Any], table: str, waiting: list[Row]) -> None:
    names = list(waiting[0])
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    query = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), columns)
    with admin.cursor() as cursor, cursor.copy(query) as copy:
        for row in waiting:
            copy.write_row([row[name] for name in names])


# The wallets and the roll-ups are what the rows above come to, as the ledger would have left them.
_WALLETS = """
    INSERT INTO billing_wallet (id, organization_id, mode, posted, held)
    SELECT gen_random_uuid(), organization_id, mode,
           sum(CASE kind WHEN 'grant' THEN amount WHEN 'settle' THEN -amount ELSE 0 END), 0
    FROM billing_entry WHERE organization_id = %s GROUP BY organization_id, mode
"""
_USAGE = """
    INSERT INTO billing_usage (organization_id, mode, quarter, key_id, member_id, model, dialect, outcome,
                               generations, images, tokens, amount, milliseconds)
    SELECT organization_id, mode, date_bin('15 minutes', finished_at, timestamptz 'epoch'), key_id, member_id,
           model, dialect, CASE WHEN kind = '' THEN state ELSE kind END, count(*), sum(delivered),
           sum(delivered::bigint * image_tokens), sum(delivered::bigint * image_tokens * unit_price),
           sum((extract(epoch FROM finished_at - created_at) * 1000)::bigint)
    FROM generations_generation WHERE organization_id = %s
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
"""

# The keys were there before their first call, and remember their last one.
_KEYS = """
    UPDATE accounts_apikey SET
        created_at = least(accounts_apikey.created_at, calls.first - interval '1 day'),
        last_used_at = calls.at, last_used_ip = calls.ip, last_used_agent = calls.agent
    FROM (
        SELECT DISTINCT ON (key_id) key_id, at, ip, agent, min(at) OVER (PARTITION BY key_id) AS first
        FROM generations_apirequest WHERE organization_id = %s AND key_id IS NOT NULL
        ORDER BY key_id, at DESC
    ) AS calls
    WHERE accounts_apikey.id = calls.key_id
"""


def _summarise(admin: psycopg.Connection[Any], organization: UUID) -> None:
    for statement in (_WALLETS, _USAGE, _KEYS):
        admin.execute(statement, (organization,))
