"""Answers in words cost nothing: a key that collects them instead of images is slowed down."""

from __future__ import annotations

import math
import time
from uuid import UUID

from django.db import connection

from runtime.tenancy import tenant

MOST = 20
"""Text-only answers of one key within an hour."""
FRESH_SECONDS = 5.0
REMEMBERED = 10_000

_SINCE = """
    SELECT extract(epoch FROM finished_at + interval '1 hour' - clock_timestamp())
    FROM generations_generation
    WHERE organization_id = %s AND key_id = %s AND kind = 'no_image'
      AND finished_at > clock_timestamp() - interval '1 hour'
    ORDER BY finished_at DESC OFFSET %s LIMIT 1
"""
_fine: dict[UUID, float] = {}


def too_many_texts(organization: UUID, key: UUID) -> int | None:
    """Seconds until the key may ask again, if it got `MOST` answers without an image within the last hour;
    else None, which is believed for five seconds. For the database threads."""
    now = time.monotonic()
    if now < _fine.get(key, 0.0):
        return None
    with tenant(organization), connection.cursor() as cursor:
        cursor.execute(_SINCE, (organization, key, MOST - 1))
        row = cursor.fetchone()
    if row is not None:
        return max(1, math.ceil(float(row[0])))
    if len(_fine) >= REMEMBERED:
        _fine.clear()
    _fine[key] = now + FRESH_SECONDS
    return None
