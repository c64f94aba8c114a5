"""The desk: what one caller may do, bound to his key, organization and mode."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from uuid import UUID

from django.conf import settings

from generations import reports
from generations.actions import finish, texts
from generations.actions.submit import Asked, Submitted, submit
from generations.crew import Crew, Run
from generations.doors import quoting
from generations.doors.reading import ReadingDesk
from generations.doors.watch import Watch
from generations.doors.wishes import Wishes
from generations.errors import Problem
from generations.handles import Handle
from generations.models import ApiRequest, Generation
from generations.runner import Ended
from generations.spec import (
    Kind,
    Order,
    Report,
    State,
)
from runtime import database
from runtime.tenancy import tenant


@dataclass(frozen=True, slots=True)
class House:
    """What the desks of one process share: its crew and its watch."""

    crew: Crew
    watch: Watch


@dataclass(slots=True)
class CallersDesk(ReadingDesk):
    """`generations.dialect.Desk` over the real thing."""

    house: House
    request: ApiRequest
    wishes: Wishes = field(default_factory=Wishes)
    stored_request: bool = field(default=False, init=False)
    _run: Run | None = field(default=None, init=False)
    _begun: Submitted | None = field(default=None, init=False)
    _until: float = field(default=0.0, init=False)

    async def submit(self, order: Order) -> Report:
        submitted = await self._submit(order, wait=False)
        report = await self._tell(submitted.generation, replayed=submitted.replayed)
        if report.replayed and report.state is State.SUCCEEDED and not report.images:
            raise Problem(Kind.GONE, "The images of this task are no longer kept.", generation=report.id)
        return report

    async def run(self, order: Order) -> Report:
        await self._begin(order)
        return await self._end()

    async def begin(self, order: Order) -> Report:
        submitted = await self._begin(order)
        return await self._tell(submitted.generation, replayed=submitted.replayed)

    async def ended(self, begun: Report) -> Report:
        return await self._end()

    async def cancel(self, handle: str) -> Report:
        before = await self.find(handle)
        caller = self._caller()
        if not before.state.final:
            await database.run(lambda: finish.cancel(caller.organization_id, before.id))
        after = await self.report(before.id)
        if after.state is not State.CANCELLED:
            raise Problem(
                Kind.NOT_CANCELLABLE,
                f"The task is {after.state} already and cannot be cancelled.",
                generation=after.id,
            )
        return after

    # ---- steps -------------------------------------------------------------------------------

    async def _begin(self, order: Order) -> Submitted:
        """T1 for somebody who waits; it runs here if the crew has a slot free."""
        self._until = time.monotonic() + settings.EASEL.sync_wait_seconds
        reserved = self.house.crew.reserve()
        try:
            owner = self.house.crew.owner if reserved else ""
            self._begun = await self._submit(order, wait=True, owner=owner)
        finally:
            if reserved:
                self.house.crew.unreserve()
        return self._begun

    async def _end(self) -> Report:
        assert self._begun is not None
        await self._wait(self._begun, self._until)
        return await self._report_final(self._begun)

    async def _submit(self, order: Order, *, wait: bool, owner: str = "") -> Submitted:
        """T1 for this caller; starts the run here when the submit claimed it."""
        self._refuse_adjusted(order)
        asked = self._asked(wait=wait, owner=owner)
        if self.wishes.dry or self.wishes.ceiling is not None:
            await database.run(lambda: quoting.heed(self.wishes, asked, order))
        submitted = await database.run(lambda: self._take(asked, order))
        self.stored_request = not submitted.replayed
        self.request.generation_id = submitted.generation.pk
        self.request.replayed = submitted.replayed
        if submitted.claimed:
            self._run = self.house.crew.start(submitted.claimed)
            self.house.crew.served(submitted.claimed)
        return submitted

    def _take(self, asked: Asked, order: Order) -> Submitted:
        if asked.key and (seconds := texts.too_many_texts(asked.organization, asked.key)):
            raise Problem(
                Kind.RATE_LIMITED,
                f"This key got {texts.MOST} answers without an image within an hour. "
                "Ask for pictures, or wait.",
                retry_after=seconds,
            )
        return submit(asked, order, quoting.quote(self.dialect.name, order))

    def _refuse_adjusted(self, order: Order) -> None:
        if self.wishes.strict and order.adjusted:
            changes = "; ".join(order.adjusted)
            raise Problem(Kind.BAD_REQUEST, f"This cannot be done exactly as asked: {changes}.")

    def _asked(self, *, wait: bool, owner: str) -> Asked:
        caller = self._caller()
        return Asked(
            organization=caller.organization_id,
            mode=caller.mode,
            key=caller.key_id,
            member=caller.member_id,
            dialect=self.dialect.name,
            request_id=self.request.request_id,
            idempotency_key=self.wishes.idempotency_key,
            key_concurrency=caller.concurrency,
            wait=wait,
            owner=owner,
            request=self.request,
        )

    async def _wait(self, submitted: Submitted, until: float) -> None:
        """Until it is final or the wait is over. Who hangs up meanwhile cancels this wait, never the
        run: that is a task of the crew."""
        generation = submitted.generation.pk
        if self._run is not None:
            await asyncio.wait([self._run], timeout=until - time.monotonic())
            if self._run.done() and (ended := self._run.result()):
                self._keep(submitted.generation, ended)
                return
        elif submitted.replayed and State(submitted.generation.state).final:
            return
        if not await self.house.watch.final(generation, max(until - time.monotonic(), 0)):
            raise _too_slow(generation)

    def _keep(self, row: Generation, ended: Ended) -> None:
        """Our own run ended it: nothing needs to be read back."""
        self.told = reports.build(ended.apply(row), ended.outputs, reports.median(row.model))
        self._data = ended.data

    async def _report_final(self, submitted: Submitted) -> Report:
        if self.told is None or not self.told.state.final:
            self.told = await self._read_report(Handle(id=submitted.generation.pk))
        if submitted.replayed:
            self.told = replace(self.told, replayed=True)
        return self.told

    async def _tell(self, generation: Generation, *, replayed: bool) -> Report:
        def read() -> Report:
            with tenant(generation.organization_id):
                return reports.of(generation, replayed=replayed)

        self.told = (
            await database.run(read) if generation.delivered else reports.of(generation, replayed=replayed)
        )
        return self.told


def _too_slow(generation: UUID) -> Problem:
    return Problem(
        Kind.DEADLINE,
        "The image is not ready yet. The work goes on, and is charged once: "
        f"ask for generation {generation} later.",
        generation=generation,
    )
