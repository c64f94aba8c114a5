"""Somebody with a good key and bad intentions, and what must be true of every answer he gets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.cast import Cast
from tests.flows.five import WAYS, Way, Wish
from tests.flows.wire import CLIENT, Books, eventually

KEPT = (
    "generations_generation", "generations_attempt", "generations_output", "generations_input",
    "generations_idempotencyrecord", "generations_transition", "billing_entry", "accounts_outboxmessage",
)  # fmt: skip
"""Where a taken order or picture leaves rows, and a refused one none."""
HOME = re.escape(str(Path(__file__).resolve().parents[2]))
INSIDE = re.compile(rf"Traceback|psycopg|django|site-packages|{HOME}|relation \"", re.IGNORECASE)
"""Words of our inside that no answer may have."""

DOORS = {way.name: way for way in WAYS}
JSON = {"Content-Type": "application/json"}


@dataclass
class Attacker:
    """At the shared server, with a live key and credit."""

    url: str
    cast: Cast
    key: str
    books: Books

    def send(self, method: str, path: str, key: str | None = None, **more: Any) -> httpx2.Response:
        """Call with the key, or another one (empty: none)."""
        key = self.key if key is None else key
        own = {"Authorization": f"Bearer {key}"} if key else {}
        headers = {**own, **more.pop("headers", {})}
        return CLIENT.request(method, self.url + path, headers=headers, **more)

    def submit(self, way: Way, body: Any = None, key: str | None = None, **more: Any) -> httpx2.Response:
        """An order at a door: a harmless one unless `body` says otherwise."""
        return self.send("POST", way.submits, key, json=way.spell(Wish()) if body is None else body, **more)

    def state(self) -> tuple[dict[str, int], tuple[int, int]]:
        """Everything that a refusal must leave alone: rows and money."""
        return {table: self.books.count(table) for table in KEPT}, self.books.wallet()

    def calm(self) -> int:
        """Once nothing runs any more: what is left of the credit."""
        eventually(lambda: self.books.wallet()[1] == 0)
        return self.books.wallet()[0]

    def refused(self, statuses: set[int], method: str, path: str, **more: Any) -> str:
        """The sentence of a refusal with one of these statuses; nothing was stored or held."""
        before = self.state()
        answer = self.send(method, path, **more)
        assert answer.status_code in statuses, (answer.status_code, answer.text[:300])
        assert self.state() == before, "nothing stored, nothing held"
        return sentence(answer)


def sentence(answer: httpx2.Response) -> str:
    """What an error says, in whichever door's envelope, without a word about our inside."""
    assert answer.status_code != 500, answer.text[:300]
    assert not INSIDE.search(answer.text), answer.text[:500]
    said = _said(answer)
    assert isinstance(said, str), answer.text[:300]
    assert said.strip()
    return said


def _said(answer: httpx2.Response) -> Any:
    if "json" not in answer.headers["content-type"]:
        return answer.text
    body = answer.json()
    body = body[0] if isinstance(body, list) else body  # Google's stream as an array
    error = body.get("error", body)
    if isinstance(error, str):
        return error
    return next((error[name] for name in ("message", "msg", "detail") if name in error), None)
