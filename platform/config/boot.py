"""What must hold before a process may serve."""

from __future__ import annotations

from django.db import connection

from config.roles import refuse_powerful_login


def problem() -> str | None:
    """A sentence if this process must not start, else None."""
    connection.ensure_connection()
    assert connection.connection is not None
    return refuse_powerful_login(connection.connection)
