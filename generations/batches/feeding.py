"""Lines become generations: a chore of the janitor, a few of each batch at a time, so that no batch
keeps another waiting. Any number of janitors may do it at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from accounts import admission
from accounts.access import KeyScope
from accounts.admission import Caller
from accounts.errors import AuthError, AuthReason
from generations.actions import batches
from generations.actions.submit import Asked
from generations.batches import scribe
from generations.batches.scribe import Scribe
from generations.doors.auth import problem_of
from generations.doors.quoting import quote
from generations.errors import Problem
from generations.models import Batch, BatchItem
from generations.spec import Kind
from runtime import clock, database
from runtime.tenancy import tenant, work

log = structlog.get_logger(__name__)

BATCHES, BITE, SWEPT = 50, 25, 500
"""How many batches are looked at in one turn, how many lines of each are submitted, and how many of a
cancelled one's generations are cancelled."""
LATER = (Kind.RATE_LIMITED, Kind.OVERLOADED, Kind.INTERNAL)
"""Reasons to try a line again in the next turn."""
MAY_NOT = "The key of this batch may make images no longer."
CANCELLED, OVERDUE = "The batch was cancelled.", "The batch was not done within its 48 hours."


def run() -> int:
    """One turn over all batches that are not through. Returns how many lines became generations."""
    return asyncio.run(_turn())


async def _turn() -> int:
    fed = 0
    for batch in await database.run(_hungry):
        try:
            fed += await _feed(batch)
        except Exception:
            log.exception("batch.feeding_failed", batch=str(batch.pk))  # the others go on
    return fed


def _hungry() -> list[Batch]:
    with work():
        return list(Batch.objects.across().filter(fed_at=None).order_by("id")[:BATCHES])


async def _feed(batch: Batch) -> int:
    if ending := _ending(batch):
        await database.run(lambda: _end(batch, *ending))
        return 0
    try:
        caller = await database.run(lambda: admission.standing(batch.organization_id, batch.key_id))
    except AuthError as error:
        if error.reason is not AuthReason.ORGANIZATION_SUSPENDED:  # that one may pass
            problem = problem_of(error)
            await database.run(lambda: _end(batch, problem.kind, problem.message))
        return 0
    if not caller.may(KeyScope.IMAGES_CREATE):
        await database.run(lambda: _end(batch, Kind.FORBIDDEN, MAY_NOT))
        return 0
    return await _feed_as(batch, caller)


def _ending(batch: Batch) -> tuple[Kind, str] | None:
    """Why nothing more of it is submitted."""
    if batch.cancelled_at is not None:
        return Kind.CANCELLED, CANCELLED
    return (Kind.DEADLINE, OVERDUE) if batch.deadline_at <= clock.utc_now() else None


def _end(batch: Batch, kind: Kind, message: str) -> None:
    batches.end_waiting(batch, kind, message)
    if batch.cancelled_at is None or batches.cancel_live(batch, SWEPT) < SWEPT:
        batches.mark_fed(batch)


async def _feed_as(batch: Batch, caller: Caller) -> int:
    bite = await database.run(lambda: _waiting(batch))
    fed = 0
    for item in bite:
        taken = await _submit(_Line(batch, item, caller))
        if taken is None:
            return fed
        fed += taken
    if len(bite) < BITE:
        await database.run(lambda: batches.mark_fed(batch))
    return fed


def _waiting(batch: Batch) -> list[BatchItem]:
    with tenant(batch.organization_id):
        items = BatchItem.objects.of(batch.organization_id).filter(batch=batch, state=BatchItem.State.WAITING)
        return list(items.order_by("number")[:BITE])


@dataclass(frozen=True, slots=True)
class _Line:
    """One line, whose it is and who pays."""

    batch: Batch
    item: BatchItem
    caller: Caller

    @property
    def dialect(self) -> str:
        return self.item.dialect or str(self.caller.home_door)

    def asked(self) -> Asked:
        return Asked(
            organization=self.batch.organization_id,
            mode=self.batch.mode,
            key=self.caller.key_id,
            member=self.caller.member_id,
            dialect=self.dialect,
            request_id=self.batch.request_id,
            key_concurrency=self.caller.concurrency,
            priority=batches.PRIORITY,
            lifetime=self.batch.deadline_at - clock.utc_now(),
        )


async def _submit(line: _Line) -> bool | None:
    """Whether the line became a generation; None when nothing more should be tried in this turn."""
    item = line.item
    try:
        admission.require_door(line.caller, item.dialect)
        desk = scribe.desk(Scribe, line.caller, item.dialect)
        order = await scribe.write(desk, item.dialect, item.path, item.body)
        return await database.run(
            lambda: batches.submit_item(item, order, quote(line.dialect, order), line.asked())
        )
    except AuthError as error:
        problem = problem_of(error)
    except Problem as refused:
        problem = refused
    if problem.kind in LATER:
        return None
    await database.run(lambda: batches.refuse_item(item, problem.kind, problem.message))
    return False
