"""A generation as its owner may see it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Q

from generations import links
from generations.handles import Handle
from generations.models import Generation, Output
from generations.spec import Delivered, Kind, Listed, Order, Report, State, Usage, Wanted
from runtime import clock
from runtime.ids import seconds_of
from runtime.tenancy import work

USUAL_SECONDS = 12.0
COUNTED = 10_000
"""A list's total is counted up to here: beyond it nobody pages by number."""
MEDIANS_SECONDS = 60.0
_MEDIANS = """
    SELECT model, percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - created_at))
    FROM (SELECT model, created_at, finished_at FROM generations_generation
          WHERE state = 'succeeded' ORDER BY id DESC LIMIT 500) AS latest
    GROUP BY model
"""
_medians: dict[str, float] = {}
_medians_at = float("-inf")


def find(organization: UUID, mode: str, handle: Handle) -> Generation | None:
    """The generation behind a handle, in the caller's own organization and mode. Inside `tenant()`."""
    rows = Generation.objects.of(organization).filter(mode=mode)
    if handle.id is not None:
        return rows.filter(pk=handle.id).first()
    candidates = rows.filter(ticket=handle.ticket)
    return next((row for row in candidates if _second(row) == handle.second), None)


def _second(row: Generation) -> int:
    return seconds_of(row.pk)


def of(row: Generation, *, replayed: bool = False) -> Report:
    """The report of a row, with its images if it has any. Inside `tenant()`."""
    kept: list[Output] = []
    if row.delivered:
        kept += Output.objects.of(row.organization_id).filter(generation_id=row.pk).order_by("number")
    return build(row, kept, median(row.model), replayed=replayed)


def page(organization: UUID, mode: str, wanted: Wanted) -> Listed:
    """One page of the organization's generations. Inside `tenant()`. Three queries."""
    rows = Generation.objects.of(organization).filter(mode=mode)
    if wanted.states:
        rows = rows.filter(state__in=[state.value for state in wanted.states])
    if wanted.after:
        rows = rows.filter(id__lt=wanted.after)
    rows = rows.filter(
        **{name: value for name in ("model", "dialect") if (value := getattr(wanted, name))}
    ).order_by("-id")
    chosen = list(rows[wanted.skip : wanted.skip + wanted.size])
    return Listed(_all_of(organization, chosen), rows[:COUNTED].count())


def several(organization: UUID, mode: str, handles: Sequence[Handle]) -> tuple[Report, ...]:
    """Those that are there, in the order asked for. Inside `tenant()`. Two queries."""
    ids = {handle.id for handle in handles if handle.id}
    tickets = {handle.ticket for handle in handles if handle.ticket}
    rows = Generation.objects.of(organization).filter(mode=mode).filter(Q(pk__in=ids) | Q(ticket__in=tickets))
    found: dict[UUID | tuple[int, str], Generation] = {}
    for row in rows:
        found[row.pk] = found[_second(row), row.ticket] = row
    keys = (handle.id or (handle.second, handle.ticket) for handle in handles)
    return _all_of(organization, [found[key] for key in keys if key in found])


def _all_of(organization: UUID, rows: Sequence[Generation]) -> tuple[Report, ...]:
    kept: defaultdict[UUID, list[Output]] = defaultdict(list)
    having = [row.pk for row in rows if row.delivered]
    for output in Output.objects.of(organization).filter(generation_id__in=having).order_by("number"):
        kept[output.generation_id].append(output)
    return tuple(build(row, kept[row.pk], median(row.model)) for row in rows)


def build(row: Generation, kept: Sequence[Output], usual: float, *, replayed: bool = False) -> Report:
    """The report of a row and its outputs; `usual` is the model's median duration in seconds."""
    state = State(row.state)
    progress, estimate = _progress(row, state, usual)
    return Report(
        id=row.pk,
        ticket=row.ticket,
        organization=row.organization_id,
        mode=row.mode,
        dialect=row.dialect,
        state=state,
        order=Order.from_json(row.order),
        created_at=row.created_at,
        updated_at=row.finished_at or row.started_at or row.created_at,
        finished_at=row.finished_at,
        expires_at=row.expires_at,
        progress=progress,
        estimated_seconds=estimate,
        unit_price=row.unit_price,
        credits_per_dollar=row.credits_per_dollar,
        tokens_held=row.tokens_held,
        tokens=row.tokens,
        usage=Usage(**row.usage),
        kind=Kind(row.kind) if row.kind else None,
        message=row.message,
        images=tuple(_delivered(row.pk, output) for output in kept if output.deleted_at is None),
        parts=tuple(row.parts),
        replayed=replayed,
    )


def _delivered(generation: UUID, output: Output) -> Delivered:
    return Delivered(
        number=output.number,
        url=links.url(generation, output.number, output.mime, output.epoch),
        mime=output.mime,
        width=output.width,
        height=output.height,
        bytes=output.bytes,
        sha256=output.sha256,
        key=output.storage_key,
        signature=output.signature,
    )


def _progress(row: Generation, state: State, usual: float) -> tuple[int, int]:
    """Percent done and seconds left: the elapsed part of the model's median, 95 at most until done."""
    if state is State.SUCCEEDED:
        return 100, 0
    if state is not State.RUNNING:
        return 0, max(round(usual), 1) if state is State.QUEUED else 0
    elapsed = _elapsed(row.started_at)
    return max(1, min(95, int(100 * elapsed / usual))), max(1, round(usual - elapsed))


def _elapsed(since: datetime | None) -> float:
    return max((clock.utc_now() - since).total_seconds(), 0.0) if since else 0.0


def median(model: str) -> float:
    """Seconds from submit to success that this model usually takes (looked up once a minute)."""
    return _medians.get(model, USUAL_SECONDS)


def refresh_medians() -> None:
    """Look the medians up again if a minute has passed. Needs no open scope."""
    global _medians, _medians_at
    if time.monotonic() - _medians_at < MEDIANS_SECONDS:
        return
    _medians_at = time.monotonic()
    with work(), connection.cursor() as cursor:
        cursor.execute(_MEDIANS)
        _medians = {model: max(float(seconds), 1.0) for model, seconds in cursor.fetchall()}
