"""The ledger as its organization reads it: every transfer with the balance after it; and its budgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from accounts.errors import NotFound
from accounts.models import Organization
from billing import ledger
from billing.models import Budget, Entry
from billing.periods import resets_at, starts_at
from runtime.tenancy import tenant

KINDS = tuple(Entry.Kind.values)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: of a kind, of a generation, made from `since` up to `until`. Empty: any."""

    kind: str = ""
    generation: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One transfer. `change` is what it did to the available balance, `balance` what that was after it,
    both in nano-dollars."""

    id: int
    at: datetime
    kind: str
    amount: int
    change: int
    balance: int
    tokens: int | None
    unit_price: int | None
    generation: UUID | None
    reason: str
    actor: str


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page begins: below this entry, at which the balance was `balance` before it."""

    id: int
    balance: int


def after(line: Line) -> Position:
    """The position of the entries before a line."""
    return Position(line.id, line.balance - line.change)


# The lines first, then one sum of all that moved on the shorter side of them, since or from the beginning:
# in as many parts as there are lines, so that what lies between two is never sorted, however rare they are.
_LINES = """
    WITH found AS MATERIALIZED (
        SELECT id, created_at, kind, amount, tokens, unit_price, generation_id, reason, actor,
               CASE 'prepaid' WHEN credit THEN amount WHEN debit THEN -amount ELSE 0 END AS change
        FROM billing_entry
        WHERE organization_id = %(organization)s AND mode = %(mode)s AND id < %(before)s
          AND (%(kind)s = '' OR kind = %(kind)s)
          AND (%(generation)s::uuid IS NULL OR generation_id = %(generation)s)
          AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)
          AND (%(until)s::timestamptz IS NULL OR created_at < %(until)s)
        ORDER BY id DESC LIMIT %(size)s
    ), newest AS (
        SELECT coalesce(%(balance)s::numeric, (
            SELECT sum(posted - held) FROM billing_wallet
            WHERE organization_id = %(organization)s AND mode = %(mode)s), 0) AS balance
    ), ends AS (
        SELECT min(id) AS first, max(id) AS last FROM billing_entry
        WHERE organization_id = %(organization)s AND mode = %(mode)s
    ), edge AS MATERIALIZED (
        SELECT min(id) AS oldest, max(id) AS newest, array_agg(id ORDER BY id) AS ids,
               max(id) - (SELECT first FROM ends) < (SELECT last FROM ends) - min(id) AS from_start
        FROM found
    ), moved AS (
        SELECT part, sum(CASE 'prepaid' WHEN credit THEN amount WHEN debit THEN -amount ELSE 0 END) AS change
        FROM (
            SELECT width_bucket(id, (SELECT ids FROM edge)) AS part, debit, credit, amount
            FROM billing_entry
            WHERE (SELECT from_start FROM edge) AND organization_id = %(organization)s AND mode = %(mode)s
              AND id <= (SELECT newest FROM edge)
            UNION ALL
            SELECT width_bucket(id, (SELECT ids FROM edge)), debit, credit, amount
            FROM billing_entry
            WHERE NOT (SELECT from_start FROM edge) AND organization_id = %(organization)s AND mode = %(mode)s
              AND id < %(before)s AND id >= (SELECT oldest FROM edge)
        ) side
        GROUP BY part
    ), summed AS (
        SELECT part, sum(change) OVER (ORDER BY part) - change AS older,
               sum(change) OVER (ORDER BY part DESC) AS since
        FROM moved
    ), line AS (
        SELECT found.*, row_number() OVER (ORDER BY id) AS part FROM found
    )
    SELECT line.id, created_at, kind, amount, line.change,
           (line.change + CASE WHEN (SELECT from_start FROM edge) THEN older ELSE newest.balance - since END
           )::bigint, tokens, unit_price, generation_id, reason, actor
    FROM line JOIN summed USING (part) CROSS JOIN newest
    ORDER BY line.id DESC
"""
_NEWER = """
    WITH entry AS (
        SELECT id, created_at, kind, amount, tokens, unit_price, generation_id, reason, actor,
               CASE 'prepaid' WHEN credit THEN amount WHEN debit THEN -amount ELSE 0 END AS change
        FROM billing_entry
        WHERE organization_id = %(organization)s AND mode = %(mode)s AND id > %(before)s
    ), line AS (
        SELECT entry.*, %(balance)s::numeric + sum(change) OVER (
                   ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS balance
        FROM entry
    )
    SELECT id, created_at, kind, amount, change, balance::bigint, tokens, unit_price, generation_id, reason,
           actor
    FROM line
    WHERE (%(kind)s = '' OR kind = %(kind)s)
      AND (%(generation)s::uuid IS NULL OR generation_id = %(generation)s)
      AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)
      AND (%(until)s::timestamptz IS NULL OR created_at < %(until)s)
    ORDER BY id LIMIT %(size)s
"""
NEWEST = 2**63 - 1


def page(
    organization: Organization | UUID,
    mode: str,
    wanted: Wanted,
    *,
    position: Position | None = None,
    size: int,
) -> list[Line]:
    """Up to `size` entries, newest first, from a position on. One statement: the balance it begins with
    and the entries are of one moment."""
    return _read(_LINES, organization, mode, wanted, position, size)


def newer(
    organization: Organization | UUID, mode: str, wanted: Wanted, *, position: Position, size: int
) -> list[Line]:
    """The `size` entries that came next after an entry (`position`: its id and the balance after it),
    newest first."""
    return _read(_NEWER, organization, mode, wanted, position, size)[::-1]


def _read(
    sql: str,
    organization: Organization | UUID,
    mode: str,
    wanted: Wanted,
    position: Position | None,
    size: int,
) -> list[Line]:
    values: dict[str, Any] = {
        "organization": _id(organization),
        "mode": mode,
        "before": position.id if position else NEWEST,
        "balance": position.balance if position else None,
        "kind": wanted.kind,
        "generation": wanted.generation,
        "since": wanted.since,
        "until": wanted.until,
        "size": size,
    }
    with tenant(organization), connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [Line(*row) for row in cursor.fetchall()]


def _id(organization: Organization | UUID) -> UUID:
    return organization if isinstance(organization, UUID) else organization.pk


@dataclass(frozen=True, slots=True)
class Transfer:
    """An entry of one generation. `amount` in nano-dollars."""

    id: int
    at: datetime
    kind: str
    amount: int
    tokens: int | None
    reason: str


HOLDING = ("hold", "settle", "release")


def of_generation(organization: Organization | UUID, mode: str, generation: UUID) -> tuple[Transfer, ...]:
    """The transfers of one generation, oldest first. Two queries: a refund has no index by its
    generation, but it stands in the organization's entries after the charge that it takes back."""
    with tenant(organization):
        mine = Entry.objects.of(organization).filter(mode=mode, generation_id=generation)
        rows = list(mine.filter(kind__in=HOLDING).order_by("id"))
        if any(entry.kind == Entry.Kind.SETTLE for entry in rows):
            rows += mine.filter(kind=Entry.Kind.REFUND, id__gt=rows[0].pk).order_by("id")
    return tuple(
        Transfer(row.pk, row.created_at, row.kind, row.amount, row.tokens, row.reason) for row in rows
    )


def balance(organization: Organization | UUID, mode: str) -> ledger.Balance:
    """The wallet as it stands."""
    with tenant(organization):
        return ledger.balance(_id(organization), mode)


# ---- budgets ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Limit:
    """A budget as it stands in its present period. Nano-dollars; `key` None: the whole organization's.
    People are told from `alert_percent` of the limit on (None: never)."""

    id: UUID
    key: UUID | None
    period: str
    limit: int
    used: int
    resets_at: datetime | None
    alert_percent: int | None = None

    @property
    def left(self) -> int:
        return max(self.limit - self.used, 0)


def budgets(organization: Organization | UUID, mode: str) -> list[Limit]:
    """All budgets of the mode: the organization's first, then those of keys."""
    with tenant(organization):
        rows = Budget.objects.of(organization).filter(mode=mode)
        found = list(rows.order_by("key_id", "period").values(*_COLUMNS))
    return sorted(map(_limit, found), key=lambda limit: limit.key is not None)


def budget(organization: Organization | UUID, mode: str, budget: UUID) -> Limit:
    """One of them. Raises NotFound."""
    with tenant(organization):
        row = Budget.objects.of(organization).filter(mode=mode, pk=budget).values(*_COLUMNS).first()
    if row is None:
        raise NotFound("There is no such budget.")
    return _limit(row)


_COLUMNS = ("id", "key_id", "period", "limit", "used", "window", "alert_percent")


def _limit(row: Mapping[str, Any]) -> Limit:
    """What was used in a period that is over counts no more."""
    present = row["window"] >= starts_at(row["period"])
    return Limit(
        id=row["id"],
        key=row["key_id"],
        period=row["period"],
        limit=row["limit"],
        used=row["used"] if present else 0,
        resets_at=resets_at(row["period"]),
        alert_percent=row["alert_percent"],
    )
