"""Who writes a table at this moment: to know when everything before a line is decided."""

from __future__ import annotations

import time
from typing import Final

from django.db import connection

WAIT_SECONDS: Final = 2.0

_WRITERS = """
    SELECT virtualtransaction FROM pg_locks
    WHERE locktype = 'relation' AND relation = %s::regclass AND mode = 'RowExclusiveLock' AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def have_ended(table: str) -> bool:
    """Wait until every transaction that has written to the table and goes on at this moment has ended. False
    if one has not within two seconds."""
    waited_for, until = _writers(table), time.monotonic() + WAIT_SECONDS
    while waited_for & _writers(table):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def _writers(table: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(_WRITERS, (table,))
        return {row[0] for row in cursor.fetchall()}
