"""One wake-up's work: claim what is due, run hundreds at once in one event loop, until nothing is
due or the slice is over. The successor is woken when claiming stops, not when the last call ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection

from generations import beats, channels, wakeups
from generations.actions import claim
from generations.actions.claim import Claimed
from generations.crew import Crew, name_process
from runtime import database
from runtime.errors import DatabaseUnavailable
from runtime.tenancy import work

log = structlog.get_logger(__name__)
T = TypeVar("T")

POLL_SECONDS, FULL_POLL_SECONDS = 0.02, 0.25
LINGER_SECONDS = 1.0
"""How long a drain with nothing to do looks on before it ends."""
SPARE_WORKERS = 2
"""Workers of a cluster that claim nothing: one sees the calls of an ended slice to their end, one is
free for canaries and for the successor."""

_process = ""


def _me() -> str:
    """This process's name, made after the fork."""
    global _process
    _process = _process or name_process()
    return _process


def beat_as_canary() -> None:
    """A canary came through the queue of this process's cluster."""
    beats.beat(settings.EASEL.cluster, "canary", "queue")


def run_slice() -> str:
    """Drain for one slice. Returns how many generations it ran, as a word for the queue's log."""
    cluster = settings.EASEL.cluster
    try:
        others = database.call(lambda: beats.other_drains(cluster, _me()))
    except DatabaseUnavailable:
        return "database away"
    if others >= max(settings.EASEL.workers - SPARE_WORKERS, 1):
        return "enough drains"
    ran = asyncio.run(Drain(cluster, _me(), settings.EASEL.concurrency).run())
    connection.close()
    return f"ran {ran}"


@dataclass
class Drain:
    """One slice of work by one process."""

    cluster: str
    owner: str
    size: int
    ran: int = 0
    draining: bool = False
    kind: str = "drain"

    async def run(self) -> int:
        """Claim and run until idle, told to stop, or the slice is over. Returns how many it ran."""
        crew = Crew(self.owner, self.size)
        await self._beat_once()
        beating = asyncio.create_task(self._beat())
        try:
            more = await self._claim_until_over(crew)
            await self._stop_claiming(more)
            if not (more or self.draining):  # who came while we still beat was sent away for our sake
                await self._claim(crew)
        finally:
            await crew.finish(settings.EASEL.stop_seconds)
            beating.cancel()
            await channels.close_all()
            await self._leave()
        return self.ran

    async def _claim_until_over(self, crew: Crew) -> bool:
        """True if the slice ended while there may be more to do."""
        over = time.monotonic() + settings.EASEL.slice_seconds
        idle_since = time.monotonic()
        while time.monotonic() < over and not self.draining:
            taken = await self._claim(crew)
            if taken or len(crew):
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since > LINGER_SECONDS:
                return False
            await self._pause(crew, taken)
        return True

    async def _claim(self, crew: Crew) -> int:
        if crew.free <= 0:
            return 0
        try:
            mine, suspects = await database.run(lambda: _claim(self.owner, crew.free))
        except DatabaseUnavailable:
            await asyncio.sleep(FULL_POLL_SECONDS)
            return 0
        if self.draining:  # told meanwhile
            await crew.hand_back(mine)
            return 0
        await crew.start_all(mine, suspects)
        self.ran += len(mine)
        return len(mine)

    async def _pause(self, crew: Crew, taken: int) -> None:
        if crew.free <= 0:
            await crew.any_done(FULL_POLL_SECONDS)
        elif not taken:
            await asyncio.sleep(POLL_SECONDS)

    async def _stop_claiming(self, more: bool) -> None:
        """From now on another drain may claim; this one only sees its calls to their end."""
        self.kind = "closing"
        await self._say(lambda: beats.silence(self.cluster, self.owner))
        await self._beat_once()
        if more and not self.draining:
            await self._say(_wake_successor)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(settings.EASEL.beat_seconds)
            await self._beat_once()

    async def _beat_once(self) -> None:
        told = await self._say(lambda: beats.beat(self.cluster, self.kind, self.owner))
        self.draining = self.draining or bool(told)

    async def _leave(self) -> None:
        await self._say(lambda: beats.silence(self.cluster, self.owner))
        database.close()

    async def _say(self, block: Callable[[], T]) -> T | None:
        """Tell the database something that may be lost without harm."""
        try:
            return await database.run(block)
        except DatabaseUnavailable:
            log.warning("drain.database_away")
            return None


def _claim(owner: str, free: int) -> tuple[list[Claimed], set[UUID]]:
    """What may run here now, and which of it may be what killed its last two workers."""
    mine = claim.claim(owner, free)
    return mine, claim.suspects(mine)


def _wake_successor() -> None:
    with work():
        wakeups.wake_cluster(settings.EASEL.cluster)
