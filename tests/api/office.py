"""A program that manages: a key in its hand, the shared server before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.flows.wire import CLIENT

MEDIA = "application/problem+json"
MEMBERS = {"type", "title", "status", "detail", "kind", "request_id", "errors"}


@dataclass
class Office:
    """Calls `/api/v1/` as one key."""

    url: str
    key: str
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, **more: Any) -> httpx2.Response:
        own = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        headers = {**own, **self.headers, **more.pop("headers", {})}
        return CLIENT.request(method, f"{self.url}/api/v1/{path}", headers=headers, **more)

    def get(self, path: str, **query: Any) -> Any:
        """The answer, which must be fine."""
        answer = self.send("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def do(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """Send a body; the answer, which must have this status."""
        answer = self.send(method, path, json={} if body is None else body)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def refused(self, status: int, kind: str, method: str, path: str, **more: Any) -> dict[str, Any]:
        """The problem, after all that is true of every one was checked."""
        answer = self.send(method, path, **more)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == MEDIA
        problem: dict[str, Any] = answer.json()
        assert set(problem) >= MEMBERS
        assert (problem["status"], problem["kind"]) == (status, kind), problem
        assert problem["type"].endswith(f"/docs/errors#{kind}")
        assert problem["detail"].strip()
        assert problem["request_id"] == answer.headers["x-request-id"]
        return problem

    def pages(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Every item of a list, page after page."""
        cursor: str | None = ""
        while cursor is not None:
            page = self.get(path, **query, **({"cursor": cursor} if cursor else {}))
            yield from page["data"]
            cursor = page["next_cursor"]
