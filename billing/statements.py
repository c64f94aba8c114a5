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


_MINE = "organization_id = %(organization)s AND mode = %(mode)s"
_BY_PEOPLE = "kind IN ('grant', 'refund', 'adjust')"  # as their index says it
# What the ledger comes to between each two of the moments `begins`; part 0 is all before the first. Charges
# are summed by the folio; only where a moment cuts one in two, and behind the last, each is gone through.
_SUMS = f"""
    WITH folio AS MATERIALIZED (
        SELECT first_entry, last_entry, charges, tokens, charged,
               width_bucket(earliest, %(begins)s::timestamptz[]) AS part,
               width_bucket(latest, %(begins)s::timestamptz[]) AS until
        FROM billing_folio WHERE {_MINE}
    ), loose AS (
        SELECT first_entry, last_entry FROM folio WHERE part <> until
        UNION ALL
        SELECT coalesce(max(last_entry), 0) + 1, {2**63 - 1} FROM folio
    )
    SELECT part, kind, '' AS model, sum(count)::bigint, 0::bigint AS images, sum(tokens)::bigint,
           sum(change)::bigint
    FROM (
        SELECT part, 'settle' AS kind, charges AS count, tokens, -charged AS change
        FROM folio WHERE part = until AND charges > 0
        UNION ALL
        SELECT width_bucket(created_at, %(begins)s::timestamptz[]), 'settle', 1, entry.tokens, -amount
        FROM loose CROSS JOIN LATERAL (
            SELECT created_at, tokens, amount FROM billing_entry
            WHERE {_MINE} AND kind = 'settle' AND id BETWEEN first_entry AND last_entry
        ) AS entry
        UNION ALL
        SELECT width_bucket(created_at, %(begins)s::timestamptz[]), kind, 1, coalesce(tokens, 0),
               CASE debit WHEN 'prepaid' THEN -amount ELSE amount END
        FROM billing_entry WHERE {_MINE} AND {_BY_PEOPLE}
    ) AS moved
    GROUP BY part, kind
"""  # noqa: S608  our own words
_MODELS = f"""
    SELECT 1, 'settle', model, sum(generations)::bigint, sum(images)::bigint, sum(tokens)::bigint,
           -sum(amount)::bigint
    FROM billing_usage WHERE {_MINE} AND amount > 0 AND quarter >= %(since)s AND quarter < %(until)s
    GROUP BY model
"""  # noqa: S608  our own words
# Before any charge somebody granted something.
_FIRST = f"SELECT min(created_at) FROM billing_entry WHERE {_MINE} AND {_BY_PEOPLE}"  # noqa: S608  our own words


def months(organization: Organization | UUID, mode: str, zone: ZoneInfo) -> list[Month]:
    """Every month of the timezone from the first entry to the present one, newest first."""
    firsts = list(_each(*span(organization, mode, zone)))
    begins = [datetime.combine(first, time(), zone) for first in [*firsts, following(firsts[-1])]]
    rows = _fetch(_SUMS, organization, mode, begins=begins)
    made: list[Month] = []
    balance = 0
    for part, first in enumerate(firsts, 1):
        made.append(_month(first, balance, [_line(row) for row in rows if row[0] == part]))
        balance = made[-1].closing
    return made[::-1]


def _month(first: date, opening: int, lines: list[Line]) -> Month:
    charges = [line for line in lines if line.kind == Kind.SETTLE]
    credited = sum(line.amount for line in lines if line.kind != Kind.SETTLE)
    charged = -sum(line.amount for line in charges)
    return Month(first, opening, credited, charged, sum(line.tokens for line in charges))


def span(organization: Organization | UUID, mode: str, zone: ZoneInfo) -> tuple[date, date]:
    """The first and the last month that there is a statement of, each by its first day."""
    (at,) = _fetch(_FIRST, organization, mode)[0]
    last = utc_now().astimezone(zone).date().replace(day=1)
    return (at.astimezone(zone).date().replace(day=1) if at else last), last


def statement(organization: Organization | UUID, mode: str, first: date, zone: ZoneInfo) -> Statement:
    """The month that begins on this day of the timezone, in one statement of the database: whatever is
    charged meanwhile is in all of its sums or in none."""
    since, until = (datetime.combine(day, time(), zone) for day in (first, following(first)))
    sql = f"{_SUMS} UNION ALL {_MODELS}"
    rows = _fetch(sql, organization, mode, begins=[since, until], since=since, until=until)
    opening = sum(_line(row).amount for row in rows if row[0] == 0)
    lines = _ordered([_line(row) for row in rows if row[0] == 1])
    return Statement(first, since, until, opening, tuple(lines))


def _line(row: tuple[Any, ...]) -> Line:
    _, kind, model, count, images, tokens, amount = row
    return Line(kind, count, tokens, amount, model, images)


def _ordered(made: list[Line]) -> Iterator[Line]:
    """Each kind in its turn; charges by their models, dearest first."""
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
