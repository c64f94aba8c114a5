"""The desk: what one caller may do, bound to his key, organization and mode."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from django.conf import settings

from accounts.admission import Caller
from billing.standing import Standing, standing
from generations import catalogue, reports
from generations.actions import finish
from generations.actions.submit import Asked, Submitted, submit
from generations.crew import Crew, Run
from generations.dialect import Dialect
from generations.doors import quoting
from generations.doors.watch import Watch
from generations.doors.wishes import Wishes
from generations.errors import Problem
from generations.handles import Handle, parse
from generations.models import ApiRequest, Generation
from generations.runner import Ended
from generations.spec import Balance, Delivered, Kind, Listed, Offer, Order, Report, State, Wanted
from runtime import database, storage
from runtime.tenancy import tenant


@dataclass(frozen=True, slots=True)
class House:
    """What the desks of one process share: its crew and its watch."""

    crew: Crew
    watch: Watch


@dataclass(slots=True)
class CallersDesk:
    """`generations.dialect.Desk` over the real thing."""

    house: House
    dialect: Dialect
    caller: Caller | None
    request: ApiRequest
    wishes: Wishes = field(default_factory=Wishes)
    stored_request: bool = field(default=False, init=False)
    told: Report | None = field(default=None, init=False)
    _run: Run | None = field(default=None, init=False)
    _data: Mapping[str, bytes] = field(default_factory=dict, init=False)
    _begun: Submitted | None = field(default=None, init=False)
    _until: float = field(default=0.0, init=False)

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
        await self._begin(order)
        return await self._end()

    async def begin(self, order: Order) -> Report:
        submitted = await self._begin(order)
        return await self._tell(submitted.generation, replayed=submitted.replayed)

    async def ended(self, begun: Report) -> Report:
        return await self._end()

    async def page(self, wanted: Wanted) -> Listed:
        caller = self._caller()

        def read() -> Listed:
            with tenant(caller.organization_id):
                return reports.page(caller.organization_id, caller.mode, wanted)

        return await database.run(read)

    async def several(self, handles: Sequence[str]) -> tuple[Report, ...]:
        caller = self._caller()
        known = [found for handle in handles if (found := parse(handle))]

        def read() -> tuple[Report, ...]:
            with tenant(caller.organization_id):
                return reports.several(caller.organization_id, caller.mode, known)

        return await database.run(read)

    async def balance(self) -> Balance:
        caller = self._caller()

        def read() -> Standing:
            with tenant(caller.organization_id):
                return standing(caller.organization_id, caller.mode, caller.key_id)

        stands = await database.run(read)
        return Balance(stands.available, stands.used, caller.key_name, stands.key_limit, stands.key_used)

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
        submitted = await database.run(lambda: submit(asked, order, quoting.quote(self.dialect.name, order)))
        self.stored_request = not submitted.replayed
        self.request.generation_id = submitted.generation.pk
        self.request.replayed = submitted.replayed
        if submitted.claimed:
            self._run = self.house.crew.start(submitted.claimed)
            self.house.crew.served(submitted.claimed)
        return submitted

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
