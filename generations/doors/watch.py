"""Waiting for generations that run elsewhere: one shared poll per process, however many wait."""

from __future__ import annotations

import asyncio
from functools import partial
from uuid import UUID

from generations.models import Generation
from runtime import database
from runtime.errors import DatabaseUnavailable
from runtime.tenancy import work

QUICK_SECONDS, SLOW_SECONDS = 0.05, 0.5


class Watch:
    """Polls the states of what is waited for, quickly at first."""

    def __init__(self) -> None:
        self._waiting: dict[UUID, list[asyncio.Event]] = {}
        self._polling: asyncio.Task[None] | None = None

    async def final(self, generation: UUID, seconds: float) -> bool:
        """Wait until it is final. False when the time is over first."""
        event = asyncio.Event()
        self._waiting.setdefault(generation, []).append(event)
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll())
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            return False
        finally:
            self._leave(generation, event)
        return True

    def _leave(self, generation: UUID, event: asyncio.Event) -> None:
        events = self._waiting.get(generation, [])
        if event in events:
            events.remove(event)
        if not events:
            self._waiting.pop(generation, None)

    async def _poll(self) -> None:
        pause = QUICK_SECONDS
        while self._waiting:
            await asyncio.sleep(pause)
            wanted = list(self._waiting)
            try:
                done = await database.run(partial(_finals, wanted))
            except DatabaseUnavailable:
                continue
            for generation in done:
                for event in self._waiting.get(generation, []):
                    event.set()
            pause = QUICK_SECONDS if done else min(pause * 1.5, SLOW_SECONDS)


def _finals(wanted: list[UUID]) -> list[UUID]:
    with work():
        live = ("queued", "running")
        rows = Generation.objects.across().filter(pk__in=wanted).exclude(state__in=live)
        return list(rows.values_list("pk", flat=True))
