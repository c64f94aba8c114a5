"""Requests per minute, of each key and of each organization, counted where everybody sees it.

A window is one minute of the database's clock. A request that its own key's limit refuses is not
counted against the organization, so that one runaway key cannot take the others' share.
"""

from __future__ import annotations

import time
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

    def headers(self) -> dict[str, str]:
        """As every answer tells them, in the words of RFC 9651 and in the older ones."""
        limit, left, reset = self.limit, self.remaining, self.reset_seconds
        return {
            "RateLimit-Policy": f'"requests";q={limit};w=60',
            "RateLimit": f'"requests";r={left};t={reset}',
            "RateLimit-Limit": str(limit),
            "RateLimit-Remaining": str(left),
            "RateLimit-Reset": str(reset),
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": str(int(time.time()) + reset),
        }


_COUNT = "SELECT of_key, of_organization, reset_seconds FROM accounts_count_request(%s, %s, %s)"


def count(
    *, organization: UUID, organization_limit: int | None, key: UUID, key_limit: int | None
) -> Allowance:
    """Count one request and say what is left, in a statement of its own that commits without waiting
    for the disk.

    An `organization_limit` of None means the platform's default, a `key_limit` of None no limit.
    """
    limit = settings.EASEL.rate_limit if organization_limit is None else organization_limit
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, (organization, key, key_limit))
        of_key, of_organization, reset = _row(cursor)
    found = [
        Allowance(ceiling, max(ceiling - used, 0), reset, used <= ceiling)
        for ceiling, used in ((key_limit, of_key), (limit, of_organization))
        if ceiling is not None and used is not None
    ]
    return min(found, key=lambda allowance: (allowance.allowed, allowance.remaining))


_COUNT_ADDRESS = """
    INSERT INTO accounts_addresswindow AS w (address, minute, count) VALUES (%(address)s, %(minute)s, 1)
    ON CONFLICT (address) DO UPDATE SET minute = excluded.minute, count =
        CASE WHEN w.minute = excluded.minute THEN w.count + 1 ELSE 1 END
    RETURNING count
"""
_FORGET_ADDRESSES = """
    DELETE FROM accounts_addresswindow WHERE id IN (
        SELECT id FROM accounts_addresswindow WHERE minute < %(minute)s - 1 FOR UPDATE SKIP LOCKED)
"""


def count_address(address: str, limit: int) -> Allowance:
    """Count one request of a network address where nobody shows a key. Forgets what is older than a
    minute on the way."""
    second = int(time.time())
    now: dict[str, str | int] = {"address": address, "minute": second // 60}
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_ADDRESS, now)
        (used,) = cursor.fetchone() or (1,)
        if used == 1:
            cursor.execute(_FORGET_ADDRESSES, now)
    return Allowance(limit, max(limit - used, 0), 60 - second % 60, used <= limit)


def _row(cursor: Any) -> tuple[int | None, int | None, int]:
    row = cursor.fetchone()
    assert row is not None
    return row[0], row[1], int(row[2])
