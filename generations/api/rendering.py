"""From rows to what the shapes show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from generations import handles, reports
from generations.listing import Item, Whole
from generations.models import Generation
from generations.spec import Report


def generation(item: Item) -> dict[str, Any]:
    """What `GenerationShape` shows."""
    row = item.row
    report = reports.build(row, item.outputs, reports.median(row.model))
    return {
        **{name: getattr(row, name) for name in _OWN},
        "handles": _handles(row),
        "kind": row.kind,
        "prompt": report.order.prompt,
        "ratio": report.order.ratio,
        "resolution": report.order.resolution,
        "tokens": report.tokens,
        "cost_usd": report.cost,
        "held_usd": report.held,
        "progress": report.progress,
        "estimated_seconds": report.estimated_seconds,
        "can_cancel": report.can_cancel,
        "images": images(report),
    }


_OWN = (
    "id", "state", "message", "mode", "dialect", "model", "count", "delivered", "key_id", "member_id",
    "request_id", "created_at", "started_at", "finished_at", "expires_at",
)  # fmt: skip


def images(report: Report) -> list[dict[str, Any]]:
    """What `ImageShape` shows, each."""
    return [asdict(image) for image in report.images]


def report_of(item: Item) -> Report:
    return reports.build(item.row, item.outputs, reports.median(item.row.model))


def _handles(row: Generation) -> dict[str, str]:
    return {
        "evolink": handles.evolink(row.pk, row.ticket),
        "openai": str(row.pk),
        "toapis": handles.toapis(row.pk),
        "gemini": handles.gemini(row.pk),
        "gmi": handles.gmi(row.pk),
    }


def whole(found: Whole) -> dict[str, Any]:
    """What `WholeShape` shows."""
    return {
        **generation(found.item),
        "contest": found.contest,
        "attempts": found.attempts,
        "ledger": found.entries,
        "timeline": list(_timed(sorted(_events(found), key=lambda event: event[0]))),
    }


Event = tuple[datetime, str, str]


def _events(found: Whole) -> Iterator[Event]:
    for call in found.requests:
        yield call.at, "request", f"{call.method} {call.path}: {call.status or 'not answered yet'}"
    for move in found.transitions:
        yield move.at, "state", f"{move.new_state} ({move.kind})" if move.kind else move.new_state
    for tried in found.attempts:
        yield tried.started_at, "attempt", f"Attempt {tried.number} began."
        if tried.upstream_at:
            yield tried.upstream_at, "upstream", f"{tried.provider or 'The provider'} was called."
        if tried.finished_at:
            yield tried.finished_at, "attempt", f"Attempt {tried.number}: {tried.outcome or 'ended'}."
    for entry in found.entries:
        yield entry.at, "ledger", f"{entry.kind} of {entry.tokens or 0:,} tokens"


def _timed(events: list[Event]) -> Iterator[dict[str, Any]]:
    before = events[0][0] if events else None
    for at, event, text in events:
        seconds = (at - before).total_seconds() if before else 0.0
        yield {"at": at, "event": event, "text": text, "seconds": round(seconds, 3)}
        before = at
