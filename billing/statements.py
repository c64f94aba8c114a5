"""A month of the ledger: what there was, what came and went, what is left. Of posted credit: what running
work holds comes back or is charged, and is counted when it is.

Every sum is the ledger's own. Which model a charge was for is known from the roll-ups, which are written in
the transaction that charges, at the same moment; were they ever to differ, the difference is a line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from accounts.models import Organization
from billing.models import Entry
from runtime.clock import utc_now
from runtime.tenancy import tenant

Kind = Entry.Kind
ORDER = (Kind.GRANT, Kind.REFUND, Kind.ADJUST, Kind.SETTLE)


@dataclass(frozen=True, slots=True)
class Line:
    """Entries of one kind; charges of one model. `count` is of entries, or of generations for a charge;
    `amount` is what it did to the balance, in nano-dollars."""

    kind: str
    count: int
    tokens: int
    amount: int
    model: str = ""
    images: int = 0


@dataclass(frozen=True, slots=True)
class Month:
    """A month by its first day: the posted balance before and after it, credit that came (grants, refunds,
    adjustments) and what was charged, in nano-dollars; tokens that were charged."""

    first: date
    opening: int
    credited: int
    charged: int
    tokens: int

    @property
    def closing(self) -> int:
        return self.opening + self.credited - self.charged


@dataclass(frozen=True, slots=True)
class Statement:
    """One month: `since` up to `until`, opening and closing posted balance, and every line between them."""

    first: date
    since: datetime
    until: datetime
    opening: int
    lines: tuple[Line, ...]

    @property
    def closing(self) -> int:
        return self.opening + sum(line.amount for line in self.lines)

    @property
    def charges(self) -> tuple[Line, ...]:
        """The lines of models, dearest first."""
        return tuple(line for line in self.lines if line.kind == Kind.SETTLE)

    @property
    def credits(self) -> tuple[Line, ...]:
        """Grants, refunds, adjustments."""
        return tuple(line for line in self.lines if line.kind != Kind.SETTLE)

    @property
    def charged(self) -> int:
        """Nano-dollars."""
        return -sum(line.amount for line in self.charges)

    @property
    def tokens(self) -> int:
        """What was charged, before refunds."""
        return sum(line.tokens for line in self.charges)

    @property
    def images(self) -> int:
        return sum(line.images for line in self.charges)

    @property
    def over(self) -> bool:
        """Whether the month is: until then it grows."""
        return self.until <= utc_now()


_CHANGE = "CASE WHEN kind = 'settle' OR debit = 'prepaid' THEN -amount ELSE amount END"
_COUNTED = "kind IN ('grant', 'settle', 'refund', 'adjust')"  # as the index of statements says it
# Each month is a range of the index: grouping by date_trunc would sort every entry there ever was.
# Each month is a range of the index: grouping by date_trunc would sort every entry there ever was.
_MONTHS = f"""
    SELECT month.since, sums.*
    FROM unnest(%(begins)s::timestamptz[], %(ends)s::timestamptz[]) AS month (since, until)
    CROSS JOIN LATERAL (
        SELECT coalesce(sum({_CHANGE}) FILTER (WHERE kind <> 'settle'), 0)::bigint,
               coalesce(sum(amount) FILTER (WHERE kind = 'settle'), 0)::bigint,
               coalesce(sum(tokens) FILTER (WHERE kind = 'settle'), 0)::bigint
        FROM billing_entry WHERE organization_id = %(organization)s AND mode = %(mode)s AND {_COUNTED}
          AND created_at >= month.since AND created_at < month.until
    ) AS sums
"""  # noqa: S608  our own words
_FIRST = f"""
    SELECT min(created_at) FROM billing_entry
    WHERE organization_id = %(organization)s AND mode = %(mode)s AND {_COUNTED}
"""  # noqa: S608  our own words
_STATEMENT = f"""
    WITH entry AS (
        SELECT kind, created_at, coalesce(tokens, 0) AS tokens, {_CHANGE} AS change FROM billing_entry
        WHERE organization_id = %(organization)s AND mode = %(mode)s AND {_COUNTED}
          AND created_at < %(until)s
    )
    SELECT '' AS kind, '' AS model, 0 AS count, 0 AS images, 0 AS tokens,
           coalesce(sum(change), 0)::bigint AS amount
    FROM entry WHERE created_at < %(since)s
    UNION ALL
    SELECT kind, '', count(*), 0, sum(tokens)::bigint, sum(change)::bigint
    FROM entry WHERE created_at >= %(since)s GROUP BY kind
    UNION ALL
    SELECT 'settle', model, sum(generations)::bigint, sum(images)::bigint, sum(tokens)::bigint,
           -sum(amount)::bigint
    FROM billing_usage
    WHERE organization_id = %(organization)s AND mode = %(mode)s AND amount > 0
      AND quarter >= %(since)s AND quarter < %(until)s
    GROUP BY model
"""  # noqa: S608  our own words


def months(organization: Organization | UUID, mode: str, zone: ZoneInfo) -> list[Month]:
    """Every month of the timezone from the first entry to the present one, newest first."""
    firsts = list(_each(*span(organization, mode, zone)))
    begins = [datetime.combine(first, time(), zone) for first in [*firsts, following(firsts[-1])]]
    found = {
        row[0].astimezone(zone).date(): row[1:]
        for row in _fetch(_MONTHS, organization, mode, begins=begins[:-1], ends=begins[1:])
    }
    made: list[Month] = []
    balance = 0
    for first in firsts:
        made.append(Month(first, balance, *found[first]))
        balance = made[-1].closing
    return made[::-1]


def span(organization: Organization | UUID, mode: str, zone: ZoneInfo) -> tuple[date, date]:
    """The first and the last month that there is a statement of, each by its first day."""
    (at,) = _fetch(_FIRST, organization, mode)[0]
    last = utc_now().astimezone(zone).date().replace(day=1)
    return (at.astimezone(zone).date().replace(day=1) if at else last), last


def statement(organization: Organization | UUID, mode: str, first: date, zone: ZoneInfo) -> Statement:
    """The month that begins on this day of the timezone, in one statement of the database: whatever is
    charged meanwhile is in all of its sums or in none."""
    since, until = (datetime.combine(day, time(), zone) for day in (first, following(first)))
    rows = _fetch(_STATEMENT, organization, mode, since=since, until=until)
    opening = sum(amount for kind, *_, amount in rows if not kind)
    return Statement(first, since, until, opening, tuple(_lines(rows)))


def _lines(rows: list[tuple[Any, ...]]) -> Iterator[Line]:
    made = [
        Line(kind, count, tokens, amount, model, images)
        for kind, model, count, images, tokens, amount in rows
        if kind
    ]
    charged = [line for line in made if line.kind == Kind.SETTLE and not line.model]
    models = [line for line in made if line.model]
    whole = sorted(models, key=lambda line: (line.amount, line.model)) + list(_difference(charged, models))
    for kind in ORDER:
        yield from whole if kind == Kind.SETTLE else [line for line in made if line.kind == kind]


def _difference(charged: list[Line], models: list[Line]) -> Iterator[Line]:
    """What the ledger charged and no roll-up knows the model of."""
    tokens = sum(line.tokens for line in charged) - sum(line.tokens for line in models)
    amount = sum(line.amount for line in charged) - sum(line.amount for line in models)
    if tokens or amount:
        yield Line(Kind.SETTLE, 0, tokens, amount)


def _fetch(sql: str, organization: Organization | UUID, mode: str, **values: Any) -> list[tuple[Any, ...]]:
    identifier = organization if isinstance(organization, UUID) else organization.pk
    with tenant(organization), connection.cursor() as cursor:
        cursor.execute(sql, {"organization": identifier, "mode": mode, **values})
        return list(cursor.fetchall())


def following(first: date) -> date:
    """The first day of the next month."""
    return first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1, day=1)


def _each(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first = following(first)
