"""What the janitor does for generations: takes back what was lost, wakes what was forgotten, ends
what is overdue, forgets what is old. Any number of janitors may run at once."""

from __future__ import annotations

from django.conf import settings
from django.db import connection

from generations import reports, wakeups
from generations.actions import finish
from generations.actions.submit import REMEMBERED
from runtime.tenancy import tenant, work

BATCH = 200
FORGOTTEN_SECONDS = 1.0
GRACE_SECONDS = 30.0
"""An attempt ends its call at the deadline; this long it may still store and settle what it bought."""

_LOST = """
    SELECT organization_id, id, attempt FROM generations_generation
    WHERE state = 'running' AND lease_expires_at < clock_timestamp() ORDER BY lease_expires_at LIMIT %s
"""
_OVERDUE = """
    SELECT organization_id, id FROM generations_generation
    WHERE state IN ('queued', 'running')
      AND deadline_at < clock_timestamp() - CASE state WHEN 'running' THEN make_interval(secs => %s)
                                                       ELSE interval '0' END
      AND deadline_at < clock_timestamp()  -- what the index can find
    ORDER BY deadline_at LIMIT %s
"""
_FORGOTTEN = """
    SELECT 1 FROM generations_generation
    WHERE state = 'queued' AND run_after < clock_timestamp() - make_interval(secs => %s)
      AND deadline_at > clock_timestamp() LIMIT 1
"""


def reap() -> int:
    """Take back every expired lease: to the queue, or over after the last try. Returns how many."""
    with work(), connection.cursor() as cursor:
        cursor.execute(_LOST, (BATCH,))
        lost = cursor.fetchall()
    count = sum(
        finish.take_back(organization, identifier, attempt) for organization, identifier, attempt in lost
    )
    if count:
        with work():
            wakeups.wake_all()
    return count


def expire() -> int:
    """End what is past its deadline, and release its hold. Returns how many."""
    with work(), connection.cursor() as cursor:
        cursor.execute(_OVERDUE, (GRACE_SECONDS, BATCH))
        overdue = cursor.fetchall()
    return sum(finish.expire(organization, identifier) for organization, identifier in overdue)


def wake_forgotten() -> bool:
    """Wake the clusters if due work has waited for a second: its wake-up was lost, or came too early."""
    with work(), connection.cursor() as cursor:
        cursor.execute(_FORGOTTEN, (FORGOTTEN_SECONDS,))
        found = cursor.fetchone() is not None
        if found:
            wakeups.wake_all()
    reports.refresh_medians()
    return found


def forget_idempotency() -> int:
    """Delete idempotency records past their 48 hours, organization by organization."""
    with work(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT organization_id FROM generations_idempotencyrecord"
            " WHERE created_at < clock_timestamp() - make_interval(secs => %s)",
            (REMEMBERED.total_seconds(),),
        )
        organizations = [row[0] for row in cursor.fetchall()]
    return sum(_forget_of(organization) for organization in organizations)


def _forget_of(organization: object) -> int:
    with tenant(organization), connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM generations_idempotencyrecord"
            " WHERE created_at < clock_timestamp() - make_interval(secs => %s)",
            (REMEMBERED.total_seconds(),),
        )
        return int(cursor.rowcount)


def forget_beats() -> None:
    """Delete the signs of life of processes that ended long ago."""
    silent = 10 * settings.EASEL.silence_seconds
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM generations_beat WHERE at < clock_timestamp() - make_interval(secs => %s)", (silent,)
        )
