"""The loop that sends: claims what is due, posts it, records what came of it. Any number may run.

A try that is lost with its dispatcher is made again when its claim lapses, with the same
`webhook-id`: a receiver may hear something twice, never not at all.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import structlog

from accounts.egress import callback_policy
from accounts.webhooks import claims, deliveries, endpoints, inbox
from accounts.webhooks.claims import Claim
from accounts.webhooks.deliveries import Parcel, Render, Result
from runtime import database, http
from runtime.egress import EgressRefused, Policy
from runtime.errors import DatabaseUnavailable
from runtime.failpoints import failpoint
from runtime.http import Answered

log = structlog.get_logger(__name__)

SLOTS = 64
IDLE_SECONDS, BUSY_SECONDS, AWAY_SECONDS = 0.1, 0.02, 1.0
STOP_SECONDS = 15.0
RECORD_SECONDS = 8.0
"""For so long a database that is away may come back before a try goes unrecorded."""


class Dispatcher:
    """`render` makes the bodies; `policy` says what may be reached (tests bring their own)."""

    def __init__(self, render: Render, policy: Callable[[], Policy] = callback_policy) -> None:
        self._render, self._policy = render, policy
        self._flying: set[asyncio.Task[None]] = set()

    def start(self, stop: threading.Event) -> threading.Thread:
        """Run in a thread of its own until `stop` is set."""
        thread = threading.Thread(target=lambda: asyncio.run(self.run(stop)), name="dispatcher", daemon=True)
        thread.start()
        return thread

    async def run(self, stop: threading.Event) -> None:
        """Send until `stop` is set, then wait for what is in flight."""
        while not stop.is_set():
            pause = await self.turn()
            await asyncio.sleep(pause)
        if self._flying:
            await asyncio.wait(self._flying, timeout=STOP_SECONDS)

    async def turn(self) -> float:
        """Take in hand what is due and fits. Returns how long to wait before the next turn, in seconds."""
        free = SLOTS - len(self._flying)
        try:
            claimed = await database.run(lambda: claims.claim(free)) if free else []
        except DatabaseUnavailable:
            log.warning("webhooks.database_away")
            return AWAY_SECONDS
        except Exception:
            log.exception("webhooks.claim_failed")
            return AWAY_SECONDS
        for claim in claimed:
            task = asyncio.create_task(self._deliver(claim))
            self._flying.add(task)
            task.add_done_callback(self._flying.discard)
        return BUSY_SECONDS if claimed else IDLE_SECONDS

    async def settled(self) -> None:
        """Wait until nothing is in flight."""
        while self._flying:
            await asyncio.wait(self._flying)

    async def _deliver(self, claim: Claim) -> None:
        try:
            parcel = await database.run(lambda: deliveries.prepare(claim, self._render))
            if parcel is not None:
                result = await self._send(parcel)
                failpoint("dispatch.after_send")
                await self._record(parcel, result)
        except DatabaseUnavailable:
            log.warning("webhooks.database_away", message=str(claim.id))
        except Exception:  # the claim lapses, and is counted
            log.exception("webhooks.delivery_failed", message=str(claim.id))

    async def _send(self, parcel: Parcel) -> Result:
        if parcel.sandbox_status:
            return Result.of(Answered(parcel.sandbox_status, b"The prompt asked for it.", 0.0))
        if owner := inbox.owner(parcel.url):
            await database.run(lambda: inbox.keep(owner, "POST", parcel.headers, parcel.body))
            return Result.of(Answered(200, b"Kept in the development inbox.", 0.0))
        begun = time.monotonic()
        try:
            return Result.of(await http.post(parcel.url, parcel.body, parcel.headers, self._policy()))
        except EgressRefused as refused:
            return Result.refused(refused, time.monotonic() - begun)

    async def _record(self, parcel: Parcel, result: Result) -> None:
        until = time.monotonic() + RECORD_SECONDS
        while True:
            try:
                disabled = await database.run(lambda: deliveries.record(parcel, result))
                break
            except DatabaseUnavailable:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.5)
        if disabled:
            await asyncio.to_thread(endpoints.tell_owners, disabled)
