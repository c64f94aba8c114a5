"""Progress as server-sent events, for whoever would rather listen than ask again and again."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection
from django.http import StreamingHttpResponse
from rest_framework.request import Request

from accounts.access import Permission
from accounts.api.operations import operation
from accounts.api.views import ManagementView
from generations import listing
from generations.api import rendering
from generations.api.generations import item_of
from generations.api.shapes import ImageShape
from generations.handles import Handle
from generations.spec import Report
from runtime import database
from runtime.errors import DatabaseUnavailable

LOOK_SECONDS, SIGN_SECONDS, LONGEST_SECONDS = 0.5, 15.0, 900.0
"""How often it is looked at, how often a silent stream shows that it lives, and when the listener has to
come again."""


class EventsView(ManagementView):
    """What happens to one, as it happens."""

    @operation(
        id="watch_generation",
        summary="Watch a generation",
        description="Server-sent events: `progress` whenever something changed, then `final` with the "
        "images, and the stream ends. It ends after a quarter of an hour too: ask again.",
        permission=Permission.GENERATION_READ,
        answer=str,
        media=("text/event-stream",),
        refused=(404,),
    )
    def get(self, request: Request, generation: str) -> StreamingHttpResponse:
        item = item_of(self, generation)
        events = _events(partial(_look, self.organization.pk, self.mode, item.row.pk))
        connection.close()  # nobody holds one while he waits
        answer = StreamingHttpResponse(events, content_type="text/event-stream")
        answer["X-Accel-Buffering"] = "no"
        return answer


def _look(organization: UUID, mode: str, generation: UUID) -> Report | None:
    item = listing.find(organization, mode, Handle(id=generation))
    return rendering.report_of(item) if item else None


async def _events(look: partial[Report | None]) -> AsyncIterator[bytes]:
    """Looks until it is final; says only what changed."""
    over, said, last = time.monotonic() + LONGEST_SECONDS, time.monotonic(), ""
    while time.monotonic() < over:
        report = await _looked(look)
        told = _told(report) if report else last
        if told != last:
            last, said = told, time.monotonic()
            final = report is not None and report.state.final
            yield f"event: {'final' if final else 'progress'}\ndata: {told}\n\n".encode()
            if final:
                return
        elif time.monotonic() - said > SIGN_SECONDS:
            said = time.monotonic()
            yield b": still there\n\n"
        await asyncio.sleep(LOOK_SECONDS)


async def _looked(look: partial[Report | None]) -> Report | None:
    try:
        return await database.run(look)
    except DatabaseUnavailable:
        return None  # it comes back, and so does the next look


def _told(report: Report) -> str:
    body: dict[str, Any] = {
        "id": str(report.id),
        "state": report.state.value,
        "progress": report.progress,
        "estimated_seconds": report.estimated_seconds,
    }
    if report.state.final:
        body |= {
            "kind": report.kind.value if report.kind else "",
            "message": report.message,
            "tokens": report.tokens,
            "images": [dict(ImageShape(image).data) for image in rendering.images(report)],
        }
    return json.dumps(body, separators=(",", ":"))
