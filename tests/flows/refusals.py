"""A caller who does something wrong, and everything that is true of each refusal."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2
import psycopg
import pytest

from tests.flows.wire import CLIENT, DOORS, Books, Door, eventually

MEMBERS = {"evolink": {"code", "message", "type"}, "openai": {"code", "message", "type", "param"}}

both = pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)


@dataclass
class History:
    """Every call of a file, looked up together at its end: the rows are written in batches."""

    connection: psycopg.Connection[Any]
    expected: dict[str, tuple[str, int]] = field(default_factory=dict)

    def expect(self, door: str, answer: httpx2.Response) -> None:
        self.expected[answer.headers["x-request-id"]] = (door, answer.status_code)

    def check(self) -> None:
        """O1: each call has exactly one row, with its door and status."""
        eventually(lambda: self._found() == self.expected, 10)

    def _found(self) -> dict[str, tuple[str, int]]:
        query = "SELECT request_id, door, status FROM generations_apirequest WHERE request_id = ANY(%s)"
        rows = self.connection.execute(query, [list(self.expected)]).fetchall()
        assert len(rows) == len({row[0] for row in rows}), "one row for each call"
        return {row[0]: (row[1], row[2]) for row in rows}


@dataclass
class Caller:
    """A key of an organization with credit for three images, and what a refusal must leave alone."""

    url: str
    key: str
    books: Books
    history: History

    def send(self, door: Door, method: str, path: str, **more: Any) -> httpx2.Response:
        """Call with the key, unless a header takes its place (an empty one is left out)."""
        headers = {"Authorization": f"Bearer {self.key}", **more.pop("headers", {})}
        headers = {name: value for name, value in headers.items() if value}
        answer = CLIENT.request(method, self.url + path, headers=headers, **more)
        self.history.expect(door.name, answer)
        return answer

    def refused(
        self, door: Door, status: int, code: str | None, method: str = "POST", path: str = "", **more: Any
    ) -> dict[str, Any]:
        """The error, after all that is true of every refusal was checked."""
        before = self.books.counts(), self.books.wallet()
        answer = self.send(door, method, path or door.prefix + door.submit, **more)
        error = refusal(door, answer, status, code)
        assert (self.books.counts(), self.books.wallet()) == before, "nothing stored, nothing held"
        return error

    def wire(self) -> socket.socket:
        """A connection to the server, for what no HTTP library would send."""
        where = urlsplit(self.url)
        return socket.create_connection((str(where.hostname), int(where.port or 80)), timeout=10)


def refusal(door: Door, answer: httpx2.Response, status: int, code: str | None) -> dict[str, Any]:
    """The error in the door's own envelope."""
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert set(body) == {"error"}
    error: dict[str, Any] = body["error"]
    assert set(error) >= MEMBERS[door.name]
    assert error["code"] == code, error
    assert error["message"].strip()
    assert error["type"].strip()
    return error
