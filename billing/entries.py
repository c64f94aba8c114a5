"""The ledger as its organization reads it: every transfer with the balance after it; and its budgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
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


# A change of the available balance; only it, so what goes from held to revenue is none.
_CHANGE = "CASE 'prepaid' WHEN credit THEN amount WHEN debit THEN -amount ELSE 0 END"
_MINE = "organization_id = %(organization)s AND mode = %(mode)s"
# The lines first. Then their balances, each from the folio that ends before it, with what it carries forward:
# lines that begin at the same folio share one sum.
_LINES = f"""
    WITH found AS MATERIALIZED (
        SELECT id, created_at, kind, amount, tokens, unit_price, generation_id, reason, actor,
               {_CHANGE} AS change
        FROM billing_entry WHERE {_MINE} AND {{wanted}} ORDER BY id {{order}} LIMIT %(size)s
    ), part AS (
        SELECT coalesce(last_entry, 0) AS below, coalesce(carried, 0) AS carried, max(found.id) AS top
        FROM found LEFT JOIN LATERAL (
            SELECT last_entry, carried FROM billing_folio
            WHERE {_MINE} AND last_entry < found.id ORDER BY last_entry DESC LIMIT 1
        ) AS folio ON true
        GROUP BY 1, 2
    ), after AS (
        SELECT id, carried + sum(change) OVER (PARTITION BY below ORDER BY id) AS balance
        FROM part CROSS JOIN LATERAL (
            SELECT id, {_CHANGE} AS change FROM billing_entry WHERE {_MINE} AND id > below AND id <= top
        ) AS entry
    )
    SELECT id, created_at, kind, amount, change, balance::bigint, tokens, unit_price, generation_id, reason,
           actor
    FROM found JOIN after USING (id) ORDER BY id DESC
"""  # noqa: S608  our own words
# Each arm by its own index.
_OF_GENERATION = f"""id IN (
    SELECT id FROM billing_entry
    WHERE {_MINE} AND generation_id = %(generation)s AND kind IN ('hold', 'settle', 'release')
    UNION ALL
    SELECT id FROM billing_entry WHERE {_MINE} AND generation_id = %(generation)s AND kind = 'refund'
)"""  # noqa: S608  our own words
# Moments have no index, but folios know theirs: nothing of a range lies before the first folio that reaches
# into it, nor after the last that does, unless behind them all.
_LAST = f"SELECT max(last_entry) FROM billing_folio WHERE {_MINE}"  # noqa: S608  our own words
_SINCE = f"""created_at >= %(since)s AND id >= (
    SELECT coalesce(min(first_entry), ({_LAST}), 0) FROM billing_folio
    WHERE {_MINE} AND latest >= %(since)s
)"""  # noqa: S608  our own words
_BEHIND = f"""
    SELECT id FROM billing_entry
    WHERE {_MINE} AND created_at < %(until)s AND id > (SELECT coalesce(({_LAST}), 0))
    ORDER BY id LIMIT 1
"""  # noqa: S608  our own words
_UNTIL = f"""created_at < %(until)s AND id <= (
    SELECT CASE WHEN ({_BEHIND}) IS NOT NULL THEN {2**63 - 1} ELSE max(last_entry) END
    FROM billing_folio WHERE {_MINE} AND earliest < %(until)s
)"""  # noqa: S608  our own words
_FILTERS = {
    "before": "id < %(before)s",
    "after": "id > %(after)s",
    "kind": "kind = %(kind)s",
    "generation": _OF_GENERATION,
    "since": _SINCE,
    "until": _UNTIL,
}


def page(
    organization: Organization | UUID,
    mode: str,
    wanted: Wanted,
    *,
    before: int | None = None,
    size: int,
) -> list[Line]:
    """Up to `size` entries, newest first, of those before an entry (its id). One statement: the balances
    and the entries are of one moment."""
    return _read(organization, mode, wanted, size, "DESC", before=before)


def newer(
    organization: Organization | UUID, mode: str, wanted: Wanted, *, after: int, size: int
) -> list[Line]:
    """The `size` entries that came next after an entry (its id), newest first."""
    return _read(organization, mode, wanted, size, "ASC", after=after)


def _read(
    organization: Organization | UUID,
    mode: str,
    wanted: Wanted,
    size: int,
    order: str,
    **place: int | None,
) -> list[Line]:
    given = {**asdict(wanted), **place}
    filters = [text for name, text in _FILTERS.items() if given.get(name)]
    sql = _LINES.format(wanted=" AND ".join(filters) or "true", order=order)
    values = {"organization": _id(organization), "mode": mode, "size": size, **given}
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
    generation, but what people did is few."""
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
