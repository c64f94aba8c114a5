"""Signs of life of the clusters: canaries that came through the queue, and drains."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

_BEAT = """
    INSERT INTO generations_beat (cluster, kind, process, at, draining)
    VALUES (%s, %s, %s, clock_timestamp(), false)
    ON CONFLICT ON CONSTRAINT generations_beat_once DO UPDATE SET at = clock_timestamp()
    RETURNING EXISTS (SELECT 1 FROM generations_beat b
                      WHERE b.cluster = generations_beat.cluster AND b.draining)
"""

_FRESH = """
    SELECT cluster FROM generations_beat
    GROUP BY cluster HAVING max(at) > clock_timestamp() - make_interval(secs => %s) AND NOT bool_or(draining)
"""
_DRAINS = """
    SELECT count(*) FROM generations_beat
    WHERE cluster = %s AND kind = 'drain' AND process <> %s
      AND at > clock_timestamp() - make_interval(secs => %s)
"""
REMEMBERED_SECONDS = 2.0
MISSED_BEATS = 3  # after so many a drain counts as gone


@dataclass
class _Memory:
    clusters: tuple[str, ...] = ()
    at: float = float("-inf")


_memory = _Memory()


def beat(cluster: str, kind: str, process: str) -> bool:
    """Write a sign of life. True if the cluster was told to drain."""
    with connection.cursor() as cursor:
        cursor.execute(_BEAT, (cluster, kind, process))
        row = cursor.fetchone()
    return bool(row and row[0])


def silence(cluster: str, process: str) -> None:
    """Take a process's sign of life back: it ends as planned."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM generations_beat WHERE cluster = %s AND process = %s", (cluster, process))


def other_drains(cluster: str, process: str) -> int:
    """How many other drains of the cluster claim: those that beat lately and do not only close."""
    with connection.cursor() as cursor:
        cursor.execute(_DRAINS, (cluster, process, MISSED_BEATS * settings.EASEL.beat_seconds))
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def alive() -> tuple[str, ...]:
    """The clusters that beat lately and take work, remembered for two seconds; the configured one
    if none did yet."""
    if time.monotonic() - _memory.at > REMEMBERED_SECONDS:
        with connection.cursor() as cursor:
            cursor.execute(_FRESH, (settings.EASEL.silence_seconds,))
            found = tuple(row[0] for row in cursor.fetchall())
        _memory.clusters, _memory.at = found or (settings.EASEL.cluster,), time.monotonic()
    return _memory.clusters


def newest() -> float | None:
    """Seconds since any cluster's last sign of life; None if there is none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp() - max(at)) FROM generations_beat")
        row = cursor.fetchone()
    return float(row[0]) if row and row[0] is not None else None
