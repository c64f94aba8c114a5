"""How the supervisor feels a cluster: canaries through its own queue, beats in a table."""

from __future__ import annotations

from typing import Any

from django.db import connection

from generations import wakeups

_AGE = """
    SELECT extract(epoch FROM clock_timestamp() - max(at)) FROM generations_beat
    WHERE cluster = %s
"""
_DRAIN = """
    INSERT INTO generations_beat (cluster, kind, process, at, draining)
    VALUES (%s, 'canary', 'queue', clock_timestamp(), true)
    ON CONFLICT ON CONSTRAINT generations_beat_once DO UPDATE SET draining = true
"""
_WELCOME = "DELETE FROM generations_beat WHERE cluster = %s"


class DatabasePulse:
    """The Pulse of the supervisor over our own tables. A broken connection is dropped, so that the
    next call makes a new one."""

    def send(self, cluster: str) -> None:
        """Put a canary into the cluster's queue (unless some wait there already)."""
        try:
            wakeups.canary(cluster)
        except Exception:
            connection.close()
            raise

    def age(self, cluster: str) -> float | None:
        """Seconds since the newest beat, by the database's clock; None if there is none."""
        row = self._execute(_AGE, cluster)
        return None if row is None or row[0] is None else float(row[0])

    def drain(self, cluster: str) -> None:
        """Mark the row that no loop removes: they all read the mark with their next beat."""
        self._execute(_DRAIN, cluster)

    def welcome(self, cluster: str) -> None:
        """Remove what an earlier life of the cluster left."""
        self._execute(_WELCOME, cluster)

    def _execute(self, sql: str, cluster: str) -> tuple[Any, ...] | None:
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, [cluster])
                return cursor.fetchone() if cursor.description else None
        except Exception:
            connection.close()
            raise
