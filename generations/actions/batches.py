"""Batches: taken as a file, submitted item by item behind what people wait for, cancelled as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection

from accounts import auditing
from accounts.auditing import Actor
from accounts.models import Organization
from generations.actions import finish
from generations.actions.submit import Asked, Quote, submit
from generations.models import Batch, BatchItem
from generations.spec import Kind, Order, State
from runtime.clock import database_now
from runtime.tenancy import TenantQuerySet, tenant, work

PRIORITY: Final = -10
LIFETIME = timedelta(hours=48)
PATIENCE = timedelta(minutes=10)
"""How long an item waits behind everybody before it may stand in line with them (J9)."""
PROMOTED: Final = 10
"""How many of each lane do so at a time."""
LIVE = (State.QUEUED.value, State.RUNNING.value)


@dataclass(frozen=True, slots=True)
class Line:
    """One order of a file, as it came."""

    number: int
    custom_id: str
    dialect: str
    path: str
    body: Mapping[str, Any]


def create(
    *,
    organization: Organization,
    mode: str,
    key: UUID,
    lines: Sequence[Line],
    by: Actor,
    name: str = "",
) -> Batch:
    """Keep a file of checked orders. They become generations from now on, for 48 hours, paid by the key."""
    with tenant(organization):
        now = database_now()
        batch = Batch.objects.create(
            organization=organization,
            mode=mode,
            name=name,
            key_id=key,
            request_id=by.request_id[:64],
            size=len(lines),
            created_at=now,
            deadline_at=now + LIFETIME,
        )
        BatchItem.objects.bulk_create([_item(batch, line) for line in lines], batch_size=200)
        _record(batch, "batch.create", by, after={"size": batch.size})
    return batch


def _item(batch: Batch, line: Line) -> BatchItem:
    return BatchItem(
        organization_id=batch.organization_id,
        mode=batch.mode,
        batch=batch,
        number=line.number,
        custom_id=line.custom_id,
        dialect=line.dialect,
        path=line.path,
        body=line.body,
    )


def cancel(*, batch: Batch, by: Actor) -> Batch:
    """End what has not ended yet. Nothing more is submitted from this moment on; what is in the queue or
    runs is cancelled right after. Twice is once."""
    with tenant(batch.organization_id):
        row = Batch.objects.of(batch.organization_id).select_for_update().get(pk=batch.pk)
        if row.cancelled_at is None:
            row.cancelled_at, row.fed_at = database_now(), None
            row.save(update_fields=["cancelled_at", "fed_at"])
            _record(row, "batch.cancel", by)
    return row


def submit_item(item: BatchItem, order: Order, quote: Quote, asked: Asked) -> bool:
    """Make an item a generation, both in one transaction. False if somebody else did, or it was ended.
    Raises what `submit` raises; the item waits on then."""
    with tenant(item.organization_id):
        if not _lock_waiting(item):
            return False
        submitted = submit(asked, order, quote)
        _items(item.organization_id).filter(pk=item.pk).update(
            state=BatchItem.State.SUBMITTED, generation_id=submitted.generation.pk, body={}
        )
    return True


def refuse_item(item: BatchItem, kind: Kind, message: str) -> bool:
    """The item will never be a generation, and says why. False if it waits no more."""
    with tenant(item.organization_id):
        if not _lock_waiting(item):
            return False
        _items(item.organization_id).filter(pk=item.pk).update(
            state=BatchItem.State.REFUSED, kind=kind.value, message=message[:500]
        )
    return True


def _lock_waiting(item: BatchItem) -> bool:
    """Whether the item is ours to end: it waits, its batch goes on, and nobody else has it in hand."""
    waiting = _items(item.organization_id).filter(pk=item.pk, state=BatchItem.State.WAITING)
    return waiting.filter(batch__cancelled_at=None).select_for_update(of=("self",), skip_locked=True).exists()


def end_waiting(batch: Batch, kind: Kind, message: str) -> int:
    """End every item that still waits. Returns how many."""
    state = BatchItem.State.CANCELLED if kind is Kind.CANCELLED else BatchItem.State.REFUSED
    with tenant(batch.organization_id):
        waiting = _items(batch.organization_id).filter(batch=batch, state=BatchItem.State.WAITING)
        return waiting.update(state=state, kind=kind.value, message=message)


def cancel_live(batch: Batch, most: int) -> int:
    """Cancel up to `most` of its generations that are not final. Returns how many there were."""
    with tenant(batch.organization_id):
        mine = _items(batch.organization_id).filter(batch=batch, generation__state__in=LIVE)
        live = list(mine.order_by("number").values_list("generation_id", flat=True)[:most])
    for generation in live:
        if generation is not None:
            finish.cancel(batch.organization_id, generation)
    return len(live)


def mark_fed(batch: Batch) -> None:
    """Nothing of it waits any more."""
    with tenant(batch.organization_id):
        waiting = _items(batch.organization_id).filter(batch=batch, state=BatchItem.State.WAITING)
        if not waiting.exists():
            hungry = Batch.objects.of(batch.organization_id).filter(pk=batch.pk, fed_at=None)
            hungry.filter(cancelled_at=batch.cancelled_at).update(fed_at=database_now())


def _items(organization: UUID) -> TenantQuerySet[BatchItem]:
    return BatchItem.objects.of(organization)


_AGE = """
    WITH due AS (
        SELECT id, row_number() OVER (PARTITION BY organization_id, mode ORDER BY run_after, id) AS place
        FROM generations_generation
        WHERE state = 'queued' AND priority < 0 AND run_after < clock_timestamp() - make_interval(secs => %s)
    ), oldest AS (
        SELECT g.id FROM generations_generation g JOIN due ON due.id = g.id
        WHERE due.place <= %s AND g.state = 'queued' FOR UPDATE OF g SKIP LOCKED
    )
    UPDATE generations_generation g SET priority = 0, run_after = clock_timestamp()
    FROM oldest WHERE g.id = oldest.id
"""


def age() -> int:
    """Let the oldest of each lane stand in line with what people wait for, at its end: however busy the
    lane is, its batches go on. Returns how many."""
    with work(), connection.cursor() as cursor:
        cursor.execute(_AGE, (PATIENCE.total_seconds(), PROMOTED))
        return int(cursor.rowcount)


def _record(batch: Batch, action: str, by: Actor, **what: Any) -> None:
    auditing.record(
        by=by,
        action=action,
        object_type="batch",
        object_id=batch.pk,
        object_label=batch.name,
        organization_id=batch.organization_id,
        **what,
    )
