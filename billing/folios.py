"""Folios: each organization's ledger in full pages of 256 sealed entries, with what they come to and the
balance carried forward. Written by the janitor behind the seals, so that a page of entries or a statement
adds up the last few hundred entries and not all that there ever were. Whoever reads them goes on by himself
where they end; there may be none yet.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.db import connection

from runtime.tenancy import audit, tenant

SIZE: Final = 256
AT_ONCE: Final = 200
"""Folios in one statement, which bounds its memory."""

_WRITERS = "SELECT DISTINCT organization_id, mode FROM billing_entry WHERE id BETWEEN %s AND %s"
_FILL = f"""
    WITH before AS (
        SELECT last_entry, carried FROM billing_folio
        WHERE organization_id = %(organization)s AND mode = %(mode)s ORDER BY last_entry DESC LIMIT 1
    ), entry AS (
        SELECT id, kind, created_at, tokens, amount,
               CASE 'prepaid' WHEN credit THEN amount WHEN debit THEN -amount ELSE 0 END AS change,
               (row_number() OVER (ORDER BY id) - 1) / {SIZE} AS number
        FROM (
            SELECT * FROM billing_entry
            WHERE organization_id = %(organization)s AND mode = %(mode)s AND id <= %(sealed)s
              AND id > coalesce((SELECT last_entry FROM before), 0)
            ORDER BY id LIMIT {SIZE * AT_ONCE}
        ) AS next
    ), page AS (
        SELECT number, min(id) AS first, max(id) AS last, min(created_at) AS earliest,
               max(created_at) AS latest, count(*) FILTER (WHERE kind = 'settle') AS charges,
               coalesce(sum(tokens) FILTER (WHERE kind = 'settle'), 0) AS tokens,
               coalesce(sum(amount) FILTER (WHERE kind = 'settle'), 0) AS charged, sum(change) AS change
        FROM entry GROUP BY number HAVING count(*) = {SIZE}
    )
    INSERT INTO billing_folio (organization_id, mode, first_entry, last_entry, earliest, latest, charges,
                               tokens, charged, carried)
    SELECT %(organization)s, %(mode)s, first, last, earliest, latest, charges, tokens, charged,
           coalesce((SELECT carried FROM before), 0) + sum(change) OVER (ORDER BY number)
    FROM page ORDER BY number
    ON CONFLICT ON CONSTRAINT billing_folio_once DO NOTHING
"""  # noqa: S608  our own words


def fill(first: int, last: int) -> int:
    """Write the folios that are full now that the entries `first` to `last` are sealed: of every organization
    that has one among them, from where its folios ended. Returns how many."""
    with audit(), connection.cursor() as cursor:
        cursor.execute(_WRITERS, (first, last))
        writers = cursor.fetchall()
    return sum(_fill(organization, mode, last) for organization, mode in writers)


def _fill(organization: UUID, mode: str, sealed: int) -> int:
    values: dict[str, UUID | str | int] = {"organization": organization, "mode": mode, "sealed": sealed}
    made, more = 0, AT_ONCE
    while more == AT_ONCE:
        with tenant(organization), connection.cursor() as cursor:
            cursor.execute(_FILL, values)
            more = cursor.rowcount
        made += more
    return made
