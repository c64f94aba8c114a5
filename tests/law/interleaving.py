"""Two hands on one database: threads with connections of their own, of which one can be held in the
middle of its transaction while the other tries.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Generic, Self, TypeVar

import psycopg
from django.db import connection

S = TypeVar("S")
T = TypeVar("T")

CONTESTED = re.compile(r'(UPDATE|INSERT INTO)\s+"?(generations_generation|billing_entry)\b')
PATIENCE_SECONDS = 30


class Hand:
    """A thread with a database connection of its own. It does one thing after the other."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self.backend: int = self.do(_backend).result()

    def do(self, block: Callable[[], T]) -> Future[T]:
        return self._thread.submit(block)

    def close(self) -> None:
        self.do(connection.close).result()
        self._thread.shutdown()


def _backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


@dataclass
class Gate:
    """Holds a transaction right after its first write to a row that others may want."""

    reached: Event = field(default_factory=Event)
    opened: Event = field(default_factory=Event)

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        done = execute(sql, params, many, context)
        if not self.reached.is_set() and CONTESTED.search(sql):
            self.reached.set()
            assert self.opened.wait(PATIENCE_SECONDS)
        return done


@dataclass(frozen=True)
class Interleaved(Generic[S, T]):
    """What the two brought. `overtook`: the second was done while the first was still open, so that
    it comes first in any serial telling; otherwise it waited for the first one's end."""

    first: S
    second: T
    overtook: bool


class Hands:
    """Two hands, and a superuser who sees which of them waits for which."""

    def __init__(self, admin_url: str) -> None:
        self._admin = psycopg.connect(admin_url, autocommit=True)
        self.one, self.two = Hand(), Hand()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.one.close()
        self.two.close()
        self._admin.close()

    def interleave(self, first: Callable[[], S], second: Callable[[], T]) -> Interleaved[S, T]:
        """Hold `first` open after its first contested write; let `second` try until it is done or
        waits for a lock; then let both end."""
        gate = Gate()
        opening = self.one.do(lambda: _through(gate, first))
        _until(lambda: gate.reached.is_set() or opening.done())
        apart = opening.done()  # it wrote nothing that anybody contests
        trying = self.two.do(second)
        _until(lambda: trying.done() or self._waits(self.two.backend))
        overtook = trying.done() and not apart
        gate.opened.set()
        return Interleaved(opening.result(), trying.result(), overtook)

    def _waits(self, backend: int) -> bool:
        row = self._admin.execute("SELECT cardinality(pg_blocking_pids(%s))", (backend,)).fetchone()
        return bool(row and row[0])


def _through(gate: Gate, block: Callable[[], T]) -> T:
    with connection.execute_wrapper(gate):
        return block()


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "neither done nor waiting"
        time.sleep(0.001)
