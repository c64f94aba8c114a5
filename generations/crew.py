"""The generations that one process runs at once, in one event loop, with their leases."""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from uuid import UUID

import structlog
from django.conf import settings

from generations import runner
from generations.actions import claim, finish
from generations.actions.claim import Claimed
from runtime import database, ids
from runtime.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

SUSPECTS_WAIT_SECONDS = 1.0

Run = asyncio.Task["runner.Ended | None"]


def name_process() -> str:
    """A name for this process that nobody had before: host, pid and a random word."""
    return f"{socket.gethostname()[:30]}:{os.getpid()}:{ids.word(6, ids.BASE36)}"


class Crew:
    """Runs claimed generations as tasks and renews all their leases with one statement.

    `size` is how many may run at once. A task is never cancelled because somebody stopped waiting
    for it: its result is paid for.
    """

    def __init__(self, owner: str, size: int) -> None:
        self.owner, self.size = owner, size
        self._running: dict[tuple[UUID, int], tuple[Claimed, Run]] = {}
        self._renewing: asyncio.Task[None] | None = None
        self._reserved = 0
        self._served: Counter[tuple[UUID, str]] = Counter()
        self._suspect: tuple[UUID, int] | None = None

    def __len__(self) -> int:
        return len(self._running)

    @property
    def free(self) -> int:
        return self.size - len(self._running) - self._reserved

    def reserve(self) -> bool:
        """Keep a slot for a submit that is under way. Give it back with `unreserve`."""
        if self.free <= 0:
            return False
        self._reserved += 1
        return True

    def unreserve(self) -> None:
        self._reserved -= 1

    def start(self, mine: Claimed) -> Run:
        """Run it as a task of its own. A process that lost a lease may claim the same generation again
        while its first attempt still runs: they are two."""
        task = asyncio.create_task(runner.run(mine), name=f"generation {mine.id}")
        self._running[mine.id, mine.attempt] = (mine, task)
        task.add_done_callback(lambda done: self._ended(mine, done))
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew())
        return task

    async def start_all(self, claimed: Sequence[Claimed], suspects: Collection[UUID]) -> None:
        """Run what was claimed. What lost two workers may be what kills them: only one such at a time
        runs here, so that it dies alone, and the others wait their turn."""
        waiting = []
        for mine in claimed:
            if mine.id not in suspects:
                self.start(mine)
            elif self._suspect in self._running:
                waiting.append(mine)
            else:
                self._suspect = (mine.id, mine.attempt)
                self.start(mine)
        await self.hand_back(waiting, SUSPECTS_WAIT_SECONDS)

    def _ended(self, mine: Claimed, task: Run) -> None:
        self._running.pop((mine.id, mine.attempt), None)
        if not task.cancelled() and (error := task.exception()):
            log.error("attempt.unfinished", generation=str(mine.id), attempt=mine.attempt, exc_info=error)

    def served(self, mine: Claimed) -> None:
        """Remember that a submit started this past the queue; its lane is moved on within a second."""
        if not self._served:
            asyncio.get_running_loop().call_later(1.0, self._note_served)
        self._served[(mine.organization, mine.mode)] += 1

    def _note_served(self) -> None:
        counts, self._served = self._served, Counter()
        self._noting = asyncio.create_task(database.run(lambda: claim.note_served(counts)))

    async def any_done(self, seconds: float) -> None:
        """Wait until one of them is done, or the time is over."""
        tasks = [task for _, task in self._running.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(seconds)

    async def finish(self, seconds: float) -> None:
        """Wait for all of them; what is not done then is left to its lease."""
        tasks: Iterable[Run] = [task for _, task in self._running.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    async def _renew(self) -> None:
        """Every ten seconds while anything runs. A lost lease ends nothing: the first valid result
        wins, whoever brings it."""
        while self._running:
            await asyncio.sleep(settings.EASEL.renew_seconds)
            held = [mine for mine, _ in self._running.values()]
            try:
                kept = await database.run(partial(claim.renew, held))
            except DatabaseUnavailable:
                continue
            if len(kept) < len(held):
                log.info("leases.lost", count=len(held) - len(kept))

    async def hand_back(self, unstarted: Sequence[Claimed], delay: float = 0) -> None:
        """Return claims that were never started, each after up to `delay` seconds times their number.
        Without a database their leases run out instead."""
        for mine in unstarted:
            pause = random.uniform(0, delay * len(unstarted))  # noqa: S311  spreading, not hiding
            try:
                await database.run(partial(finish.hand_back, mine, pause))
            except DatabaseUnavailable:
                return
