"""Requests per minute, of each key and of each organization, counted where everybody sees it.

A window is one minute of the database's clock. A request that its own key's limit refuses is not
counted against the organization, so that one runaway key cannot take the others' share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of the minute: `limit` and `remaining` in requests, `reset_seconds` until the
    window starts anew. Of two limits, the one that will be felt first."""

    limit: int
    remaining: int
    reset_seconds: int
    allowed: bool

    @property
    def retry_after(self) -> int:
        """Seconds after which a refused request may be sent again."""
        return max(self.reset_seconds, 1)


# Everybody takes the key's row first and the organization's second: no two can wait in a circle.
_COUNT = """
WITH now AS MATERIALIZED (
    SELECT floor(extract(epoch FROM statement_timestamp()))::bigint AS second,
           set_config('synchronous_commit', 'off', true)
), of_key AS (
    INSERT INTO accounts_ratewindow (organization_id, subject, minute, count)
    SELECT %(organization)s, %(key)s, second / 60, 1 FROM now WHERE %(key_limit)s::int IS NOT NULL
    ON CONFLICT (subject) DO UPDATE SET minute = excluded.minute, count =
        CASE WHEN accounts_ratewindow.minute = excluded.minute THEN accounts_ratewindow.count + 1 ELSE 1 END
    RETURNING count
), of_organization AS (
    INSERT INTO accounts_ratewindow (organization_id, subject, minute, count)
    SELECT %(organization)s, %(organization)s, second / 60, 1 FROM now
    WHERE NOT EXISTS (SELECT FROM of_key WHERE count > %(key_limit)s::int)
    ON CONFLICT (subject) DO UPDATE SET minute = excluded.minute, count =
        CASE WHEN accounts_ratewindow.minute = excluded.minute THEN accounts_ratewindow.count + 1 ELSE 1 END
    RETURNING count
)
SELECT (SELECT count FROM of_key), (SELECT count FROM of_organization), 60 - second %% 60 FROM now
"""


def count(
    *, organization: UUID, organization_limit: int | None, key: UUID, key_limit: int | None
) -> Allowance:
    """Count one request and say what is left. Run it inside `with tenant(organization):`, in a
    transaction that does nothing else worth keeping: it commits without waiting for the disk.

    An `organization_limit` of None means the platform's default, a `key_limit` of None no limit.
    """
    limit = settings.EASEL.rate_limit if organization_limit is None else organization_limit
    parameters = {"organization": organization, "key": key, "key_limit": key_limit}
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, parameters)
        of_key, of_organization, reset = _row(cursor)
    found = [
        Allowance(ceiling, max(ceiling - used, 0), reset, used <= ceiling)
        for ceiling, used in ((key_limit, of_key), (limit, of_organization))
        if ceiling is not None and used is not None
    ]
    return min(found, key=lambda allowance: (allowance.allowed, allowance.remaining))


def _row(cursor: Any) -> tuple[int | None, int | None, int]:
    row = cursor.fetchone()
    assert row is not None
    return row[0], row[1], int(row[2])
