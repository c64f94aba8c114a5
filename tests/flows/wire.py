"""The two doors as a caller sees them, and the books as an auditor sees them afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import httpx2
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

T = TypeVar("T")

CLIENT = httpx2.Client(timeout=60, trust_env=False)
"""Keeps its connections; making a client anew loads all certificates of the machine."""

MODEL = "gemini-2.5-flash-image"
TOKENS = 1290
LIVE = ("queued", "running")

TENANT_TABLES = (
    "generations_generation", "generations_attempt", "generations_output", "generations_idempotencyrecord",
    "generations_transition", "billing_entry", "billing_usage", "accounts_outboxmessage",
)  # fmt: skip
"""Where a submit leaves rows. A refused one must leave none in any of them."""


@dataclass(frozen=True)
class Door:
    """One door: its name, where it stands, and where it takes orders."""

    name: str
    prefix: str
    submit: str = "/v1/images/generations"

    def order(self, prompt: str = "A lamp", **fields: Any) -> dict[str, Any]:
        return {"model": MODEL, "prompt": prompt, **fields}

    def post(self, url: str, key: str, body: Any = None, **more: Any) -> httpx2.Response:
        """Submit an order as JSON."""
        headers = {"Authorization": f"Bearer {key}", **more.pop("headers", {})}
        body = self.order() if body is None else body
        return CLIENT.post(url + self.prefix + self.submit, json=body, headers=headers, **more)

    def read(self, url: str, key: str, handle: str) -> httpx2.Response:
        """Ask for a generation by any of its ids."""
        path = {"evolink": "tasks", "openai": "generations"}[self.name]
        return CLIENT.get(
            f"{url}{self.prefix}/v1/{path}/{handle}", headers={"Authorization": f"Bearer {key}"}
        )

    def cancel(self, url: str, key: str, handle: str) -> httpx2.Response:
        """Cancel a task (the evolink door only)."""
        path = f"{url}{self.prefix}/v1/tasks/{handle}/cancel"
        return CLIENT.post(path, headers={"Authorization": f"Bearer {key}"})


EVOLINK = Door("evolink", "/evolink")
OPENAI = Door("openai", "/openai")
DOORS = (EVOLINK, OPENAI)


def eventually(found: Callable[[], T], seconds: float = 30) -> T:
    """The first true value; an error when there is none in time."""
    until = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < until, f"not within {seconds} s; the last answer was {value!r}"
        time.sleep(0.05)
    return value


class Books:
    """What the database holds of one organization, read by a superuser whom no wall stops."""

    def __init__(self, connection: psycopg.Connection[Any], organization: Any) -> None:
        self._connection, self.organization = connection, getattr(organization, "pk", organization)

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query, values).fetchall()

    def counts(self) -> dict[str, int]:
        """How many rows the organization has, table by table."""
        query = "SELECT '{0}' AS name, count(*) AS n FROM {0} WHERE organization_id = %(organization)s"
        queries = " UNION ALL ".join(query.format(table) for table in TENANT_TABLES)
        with self._connection.cursor() as cursor:
            return dict(cursor.execute(queries, {"organization": self.organization}).fetchall())

    def count(self, table: str) -> int:
        query = f"SELECT count(*) AS n FROM {table} WHERE organization_id = %s"
        return int(self.rows(query, self.organization)[0]["n"])

    def wallet(self, mode: str = "live") -> tuple[int, int]:
        """Posted and held nano-dollars."""
        query = "SELECT posted, held FROM billing_wallet WHERE organization_id = %s AND mode = %s"
        found = self.rows(query, self.organization, mode)
        return (found[0]["posted"], found[0]["held"]) if found else (0, 0)

    def generations(self) -> list[dict[str, Any]]:
        """The generations, oldest first."""
        return self.rows(
            "SELECT * FROM generations_generation WHERE organization_id = %s ORDER BY id", self.organization
        )

    def generation(self, identifier: UUID | str) -> dict[str, Any]:
        (found,) = self.rows("SELECT * FROM generations_generation WHERE id = %s", identifier)
        return found

    def only(self) -> dict[str, Any]:
        """The one generation there is."""
        (found,) = self.generations()
        return found

    def attempts(self, generation: UUID | str) -> list[dict[str, Any]]:
        query = "SELECT * FROM generations_attempt WHERE generation_id = %s ORDER BY number"
        return self.rows(query, generation)

    def entries(self, *kinds: str) -> list[dict[str, Any]]:
        """The transfers of these kinds, in order."""
        query = "SELECT * FROM billing_entry WHERE organization_id = %s AND kind = ANY(%s) ORDER BY id"
        return self.rows(query, self.organization, list(kinds))

    def settled(self, seconds: float = 30) -> list[dict[str, Any]]:
        """The generations, once all of them are final."""

        def final() -> list[dict[str, Any]]:
            found = self.generations()
            return [] if any(row["state"] in LIVE for row in found) else found

        return eventually(final, seconds)

    def requests(self, request_id: str) -> list[dict[str, Any]]:
        """The history of a call, once it has been written."""
        query = "SELECT * FROM generations_apirequest WHERE request_id = %s AND status IS NOT NULL"
        return eventually(lambda: self.rows(query, request_id), 10)

    def calls(self) -> list[dict[str, Any]]:
        """All calls of the organization so far."""
        query = "SELECT * FROM generations_apirequest WHERE organization_id = %s ORDER BY at"
        return self.rows(query, self.organization)


def places(connection: psycopg.Connection[Any], secret: str) -> list[tuple[str, str]]:
    """The tables and columns that hold the text, also as bytes."""
    columns = connection.execute(
        "SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns c"
        " JOIN information_schema.tables t USING (table_schema, table_name)"
        " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
    ).fetchall()
    return sorted(
        (table, column) for table, column, kind in columns if _holds(connection, table, column, kind, secret)
    )


def _holds(connection: psycopg.Connection[Any], table: str, column: str, kind: str, secret: str) -> bool:
    name = sql.Identifier(column)
    where = sql.SQL(
        "position(convert_to(%s, 'UTF8') IN {})" if kind == "bytea" else "position(%s IN {}::text)"
    )
    query = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE {} > 0)").format(
        sql.Identifier(table), where.format(name)
    )
    row = connection.execute(query, [secret]).fetchone()
    assert row is not None
    return bool(row[0])
