"""What a message about a generation says: EvoLink's task object to an order's own `callback_url`, a
summary to the organization's registered endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.models import CALLBACK, OutboxMessage
from accounts.webhooks.deliveries import Rendered
from accounts.webhooks.events import envelope, timestamp
from billing.money import dollars, plain
from generations import handles, reports
from generations.dialect import Answer
from generations.dialects.evolink.task import task_body
from generations.models import Generation
from generations.spec import Delivered, Report

UNREACHABLE = "test:webhook500"
"""A test order with these words in its prompt finds its receivers answering 500, without a network."""


def render(message: OutboxMessage) -> Rendered:
    """The body of a message about a final generation, inside its tenant."""
    assert message.generation_id is not None
    row = Generation.objects.of(message.organization_id).get(pk=message.generation_id)
    report = reports.of(row)
    if message.event == CALLBACK:
        body = Answer(200, task_body(report)).content()
    else:
        body = envelope(message, {"generation": summary(report)})
    return Rendered(body, 500 if _unreachable(report) else None)


def summary(report: Report) -> Mapping[str, Any]:
    """A final generation for a program: ids, state, images, what it cost; never its prompt."""
    return {
        "id": str(report.id),
        "task_id": _task_id(report),
        "mode": report.mode,
        "door": report.dialect,
        "model": report.order.model,
        "state": report.state.value,
        "created_at": timestamp(report.created_at),
        "finished_at": timestamp(report.finished_at) if report.finished_at else None,
        "expires_at": timestamp(report.expires_at) if report.expires_at else None,
        "ordered": report.order.count,
        "images": [_image(image) for image in report.images],
        "tokens": report.tokens,
        "cost_usd": plain(dollars(report.cost)),
        "error": {"kind": report.kind.value, "message": report.message} if report.kind else None,
    }


def _task_id(report: Report) -> str:
    """The id as the door that took the order gave it."""
    match report.dialect:
        case "evolink":
            return handles.evolink(report.id, report.ticket)
        case "toapis":
            return handles.toapis(report.id)
        case "gmi":
            return handles.gmi(report.id)
        case "gemini":
            return handles.gemini(report.id)
    return str(report.id)


def _image(image: Delivered) -> Mapping[str, Any]:
    return {
        "number": image.number,
        "url": image.url,
        "mime": image.mime,
        "width": image.width,
        "height": image.height,
        "bytes": image.bytes,
        "sha256": image.sha256,
    }


def _unreachable(report: Report) -> bool:
    turns = (part for turn in report.order.turns for part in turn.parts)
    words = [report.order.prompt, *(getattr(part, "text", "") for part in turns)]
    return report.mode == "test" and any(UNREACHABLE in text for text in words)
