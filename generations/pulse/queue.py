"""The queue at this moment: what waits, since when, what runs, what is stuck."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from runtime.tenancy import operator

STUCK_SECONDS = 60.0
"""A lease that ended so long ago should have been taken back, a deadline so old have been enforced."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """`oldest` in seconds since it was asked; None when nothing waits."""

    queued: int
    running: int
    stuck: int
    oldest: float | None


_WAITING = """
    SELECT count(*) FILTER (WHERE state = 'queued'), count(*) FILTER (WHERE state = 'running'),
           count(*) FILTER (WHERE deadline_at < clock_timestamp() - make_interval(secs => %(stuck)s)
                               OR lease_expires_at < clock_timestamp() - make_interval(secs => %(stuck)s)),
           extract(epoch FROM clock_timestamp() - min(created_at) FILTER (WHERE state = 'queued'))
    FROM generations_generation WHERE state IN ('queued', 'running') AND mode = %(mode)s
"""


def waiting(mode: str) -> Waiting:
    """Over all organizations. By the index of what is not final."""
    with operator(), connection.cursor() as cursor:
        cursor.execute(_WAITING, {"mode": mode, "stuck": STUCK_SECONDS})
        row = cursor.fetchone()
    assert row is not None
    queued, running, stuck, oldest = row
    return Waiting(queued, running, stuck, None if oldest is None else float(oldest))
