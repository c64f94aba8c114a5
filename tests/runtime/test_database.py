"""What a block of database work meets when the server hangs up, takes nothing, or is asked nonsense."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db import ProgrammingError, connection

from runtime import database
from runtime.errors import DatabaseUnavailable
from tests.house import wait_until

pytestmark = pytest.mark.usefixtures("database")
LIVES = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"


def asked(sql: str) -> Any:
    """The first value that a query gives."""

    def ask() -> Any:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0] if cursor.description else None

    return database.call(ask)


def test_a_connection_that_the_server_ended_costs_nobody_his_request(
    superuser: psycopg.Connection[Any],
) -> None:
    before = asked("SELECT pg_backend_pid()")
    superuser.execute("SELECT pg_terminate_backend(%s)", (before,))
    wait_until(lambda: superuser.execute(LIVES, (before,)).fetchone() == (0,))
    assert asked("SELECT pg_backend_pid()") != before


def test_one_that_still_lives_is_kept() -> None:
    assert asked("SELECT pg_backend_pid()") == asked("SELECT pg_backend_pid()")


def test_a_server_that_takes_nothing_is_away() -> None:
    def write() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = on")
            cursor.execute("DELETE FROM generations_beat WHERE cluster = 'nobody'")

    with pytest.raises(DatabaseUnavailable, match="read-only"):
        database.call(write)
    assert asked("SHOW default_transaction_read_only") == "off", "another connection, as it should be"


def test_a_wrong_question_is_not_the_servers_fault() -> None:
    with pytest.raises(ProgrammingError):
        asked("SELECT nothing FROM nowhere")
    connection.close()
