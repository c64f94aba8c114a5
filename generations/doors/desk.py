"""The desk: what one caller may do, bound to his key, organization and mode."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from django.conf import settings

from accounts.admission import Caller
from generations import catalogue, reports
from generations.actions import finish
from generations.actions.submit import Asked, Quote, Submitted, submit
from generations.crew import Crew, Run
from generations.dialect import Dialect
from generations.doors.watch import Watch
from generations.errors import Problem
from generations.handles import Handle, parse
from generations.models import ApiRequest, Generation
from generations.runner import Ended
from generations.spec import Delivered, Kind, Offer, Order, Report, State
from runtime import database, storage
from runtime.tenancy import tenant


@dataclass(frozen=True, slots=True)
class House:
    """What the desks of one process share: its crew and its watch."""

    crew: Crew
    watch: Watch


@dataclass(slots=True)
class CallersDesk:
    """`generations.dialect.Desk` over the real thing. `strict` refuses whatever would be adjusted."""

    house: House
    dialect: Dialect
    caller: Caller | None
    request: ApiRequest
    idempotency_key: str = ""
    strict: bool = False
    stored_request: bool = field(default=False, init=False)
    told: Report | None = field(default=None, init=False)
    _run: Run | None = field(default=None, init=False)
    _data: Mapping[str, bytes] = field(default_factory=dict, init=False)

    @property
    def organization(self) -> UUID | None:
        return self.caller.organization_id if self.caller else None

    async def offers(self) -> tuple[Offer, ...]:
        models = self.caller.models if self.caller else frozenset()
        return await database.run(lambda: catalogue.offers(self.dialect.name, models_allowed=models))

    async def submit(self, order: Order) -> Report:
        submitted = await self._submit(order, wait=False)
        report = await self._tell(submitted.generation, replayed=submitted.replayed)
        if report.replayed and report.state is State.SUCCEEDED and not report.images:
            raise Problem(Kind.GONE, "The images of this task are no longer kept.", generation=report.id)
        return report

    async def run(self, order: Order) -> Report:
        until = time.monotonic() + settings.EASEL.sync_wait_seconds
        reserved = self.house.crew.reserve()
        try:
            submitted = await self._submit(order, wait=True, owner=self.house.crew.owner if reserved else "")
        finally:
            if reserved:
                self.house.crew.unreserve()
        await self._wait(submitted, until)
        return await self._report_final(submitted)

    async def report(self, generation: UUID) -> Report:
        return await self._look(Handle(id=generation))

    async def find(self, handle: str) -> Report:
        return await self._look(_known_form(handle))

    async def cancel(self, handle: str) -> Report:
        before = await self._look(_known_form(handle))
        caller = self._caller()
        if not before.state.final:
            await database.run(lambda: finish.cancel(caller.organization_id, before.id))
        after = await self._look(Handle(id=before.id))
        if after.state is not State.CANCELLED:
            raise Problem(
                Kind.NOT_CANCELLABLE,
                f"The task is {after.state} already and cannot be cancelled.",
                generation=after.id,
            )
        return after

    async def read(self, image: Delivered) -> bytes:
        if image.key in self._data:
            return self._data[image.key]
        try:
            return await storage.default().aread(image.key)
        except storage.Missing:
            raise Problem(Kind.GONE, "The image is no longer kept.") from None

    # ---- steps -------------------------------------------------------------------------------

    def _caller(self) -> Caller:
        if self.caller is None:
            raise Problem(Kind.AUTH_MISSING, "An API key is needed here.")
        return self.caller

    async def _submit(self, order: Order, *, wait: bool, owner: str = "") -> Submitted:
        """T1 for this caller; starts the run here when the submit claimed it."""
        self._refuse_adjusted(order)
        asked = self._asked(wait=wait, owner=owner)
        submitted = await database.run(lambda: submit(asked, order, _quote(self.dialect.name, order)))
        self.stored_request = not submitted.replayed
        self.request.generation_id = submitted.generation.pk
        self.request.replayed = submitted.replayed
        if submitted.claimed:
            self._run = self.house.crew.start(submitted.claimed)
            self.house.crew.served(submitted.claimed)
        return submitted

    def _refuse_adjusted(self, order: Order) -> None:
        if self.strict and order.adjusted:
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
            idempotency_key=self.idempotency_key,
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

    async def _look(self, handle: Handle) -> Report:
        self.told = await self._read_report(handle)
        return self.told

    async def _read_report(self, handle: Handle) -> Report:
        caller = self._caller()

        def read() -> Report:
            with tenant(caller.organization_id):
                row = reports.find(caller.organization_id, caller.mode, handle)
                if row is None:
                    raise Problem(Kind.NOT_FOUND, "There is no such task.")
                return reports.of(row)

        return await database.run(read)

    async def _tell(self, generation: Generation, *, replayed: bool) -> Report:
        def read() -> Report:
            with tenant(generation.organization_id):
                return reports.of(generation, replayed=replayed)

        self.told = (
            await database.run(read) if generation.delivered else reports.of(generation, replayed=replayed)
        )
        return self.told


def _quote(dialect: str, order: Order) -> Quote:
    size = catalogue.size_for(order)
    offer = catalogue.resolve(dialect, order.model)
    return Quote(
        image_tokens=size.tokens,
        credits_per_dollar=offer.credits_per_dollar if offer else 0,
    )


def _known_form(handle: str) -> Handle:
    found = parse(handle)
    if found is None:
        raise Problem(Kind.BAD_REQUEST, "This is not the id of a task.", param="task_id")
    return found


def _too_slow(generation: UUID) -> Problem:
    return Problem(
        Kind.DEADLINE,
        "The image is not ready yet. The work goes on, and is charged once: "
        f"ask for generation {generation} later.",
        generation=generation,
    )
