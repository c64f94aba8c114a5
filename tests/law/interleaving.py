"""Two hands on one database: threads with connections of their own, of which one is held in the
middle of its transaction while the other tries.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Generic, Literal, Self, TypeVar
from uuid import UUID

import psycopg
from django.db import connection, transaction

S = TypeVar("S")
T = TypeVar("T")

PATIENCE_SECONDS = 30
Held = Literal["wallet", "commit"]
"""Where the first hand is held: before the last row it touches, or when all is written and only the
commit is missing."""


class Hand:
    """A thread with a database connection of its own. It does one thing after the other."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self.backend: int = self.do(_backend).result()

    def do(self, block: Callable[[], T]) -> Future[T]:
        return self._thread.submit(block)

    def close(self) -> None:
        self.do(lambda: connection.close()).result()  # the thread's own, so no bound method of ours
        self._thread.shutdown()


def _backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


@dataclass(frozen=True)
class Interleaved(Generic[S, T]):
    """What the two brought. `overtook`: the second was done while the first was still open, so that
    it comes first in any serial telling; otherwise it waited for the first one's end."""

    first: S
    second: T
    overtook: bool


class Hands:
    """Two hands, and a superuser who holds wallets and sees who waits."""

    def __init__(self, admin_url: str) -> None:
        self._watcher = psycopg.connect(admin_url, autocommit=True)
        self._holder = psycopg.connect(admin_url, autocommit=True)
        self.one, self.two = Hand(), Hand()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.one.close()
        self.two.close()
        self._watcher.close()
        self._holder.close()

    def interleave(
        self, organization: UUID, first: Callable[[], S], second: Callable[[], T], *, held: Held = "commit"
    ) -> Interleaved[S, T]:
        """Hold `first` open at its place; let `second` try until it is done or waits for a lock; then
        let both end."""
        hold = self._before_wallet if held == "wallet" else self._before_commit
        with hold(organization, first) as opening:
            apart = opening.done()  # there was nothing to hold it at
            trying = self.two.do(second)
            _until(lambda: trying.done() or self._waits(self.two))
            overtook = trying.done() and not apart
        return Interleaved(opening.result(), trying.result(), overtook)

    @contextmanager
    def _before_wallet(self, organization: UUID, block: Callable[[], S]) -> Iterator[Future[S]]:
        """The block, stopped where it wants the organization's wallet: its own rows are written."""
        with self._holder.transaction():
            self._holder.execute(
                "SELECT FROM billing_wallet WHERE organization_id = %s FOR UPDATE", (organization,)
            )
            opening = self.one.do(block)
            _until(lambda: opening.done() or self._waits(self.one))
            yield opening

    @contextmanager
    def _before_commit(self, organization: UUID, block: Callable[[], S]) -> Iterator[Future[S]]:
        """The block inside a transaction that commits at the end."""
        written, may_commit = Event(), Event()

        def open_end() -> S:
            with transaction.atomic():
                result = block()
                written.set()
                assert may_commit.wait(PATIENCE_SECONDS)
            return result

        opening = self.one.do(open_end)
        try:
            _until(lambda: opening.done() or written.is_set())
            yield opening
        finally:
            may_commit.set()

    def _waits(self, hand: Hand) -> bool:
        row = self._watcher.execute("SELECT cardinality(pg_blocking_pids(%s))", (hand.backend,)).fetchone()
        return bool(row and row[0])


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "neither done nor waiting"
        time.sleep(0.0005)
