"""How much one organization may have in hand at once, so that it delays nobody else's pictures.

The counts are this process's; semaphores belong to an event loop, and so does each `Turns`.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID
from weakref import WeakKeyDictionary, WeakValueDictionary

from generations.inputs.refusal import Refused
from generations.spec import Kind

DECODERS = 2
PLACES = 20  # pictures of one organization
PATIENCE = 15.0  # seconds
FETCHED_PER_MINUTE = 200 * 2**20  # bytes of one organization


@dataclass
class Turns:
    """The decoders of one process, and every organization's places and volume."""

    decoders: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(DECODERS))
    places: WeakValueDictionary[UUID, asyncio.Semaphore] = field(default_factory=WeakValueDictionary)
    minute: int = 0
    fetched: defaultdict[UUID, int] = field(default_factory=lambda: defaultdict(int))

    @asynccontextmanager
    async def place(self, organization: UUID) -> AsyncIterator[None]:
        """One of the organization's places. Raises Refused when none becomes free in time."""
        places = self.places.setdefault(organization, asyncio.Semaphore(PLACES))
        try:
            async with asyncio.timeout(PATIENCE):
                await places.acquire()
        except TimeoutError:
            raise _busy("is one of too many pictures at once. Try again shortly.", 5) from None
        try:
            yield
        finally:
            places.release()

    def may_fetch(self, organization: UUID) -> None:
        """Raises Refused when this minute's volume is used up."""
        if self._of_this_minute()[organization] >= FETCHED_PER_MINUTE:
            seconds = 60 - int(time.time()) % 60
            raise _busy("is beyond the 200 MB that are fetched for you in a minute.", seconds)

    def note_fetched(self, organization: UUID, size: int) -> None:
        self._of_this_minute()[organization] += size

    def _of_this_minute(self) -> defaultdict[UUID, int]:
        minute = int(time.time() // 60)
        if minute != self.minute:
            self.minute = minute
            self.fetched.clear()
        return self.fetched


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()


def turns() -> Turns:
    """Those of the running loop."""
    return _turns.setdefault(asyncio.get_running_loop(), Turns())


def _busy(sentence: str, seconds: int) -> Refused:
    return Refused(Kind.RATE_LIMITED, "busy", sentence, retry_after=seconds)
