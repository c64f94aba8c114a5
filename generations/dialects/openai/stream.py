"""A generation as server-sent events: its id at once, then each picture when all are there.

: generation 019aa1b2-...                     before anything else, so that a cut costs nothing
: waiting                                     every ten seconds
event: image_generation.partial_image         previews, if they were asked for
event: image_generation.completed             one per picture
event: error                                  instead, in the envelope of every error
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from pybase64 import b64encode

from generations.dialect import Desk, Incoming
from generations.dialects.openai.errors import failure, word
from generations.dialects.openai.images import true_of, usage_of_one
from generations.dialects.openai.previews import previews
from generations.errors import Problem
from generations.spec import Delivered, Kind, Report, State

log = structlog.get_logger(__name__)

KEEP_ALIVE_SECONDS = 10.0
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # or a proxy would keep the first line until the last
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """The events' first word (`image_generation` or `image_edit`), and previews per picture."""

    name: str
    previews: int


async def events(begun: Report, desk: Desk, request: Incoming, wanted: Wanted) -> AsyncIterator[bytes]:
    """The stream of a generation that is held. Who stops listening cancels this wait, never the work."""
    yield b": generation %b\n\n" % str(begun.id).encode()
    waiting = asyncio.ensure_future(desk.ended(begun))
    try:
        while not (await asyncio.wait({waiting}, timeout=KEEP_ALIVE_SECONDS))[0]:
            yield b": waiting\n\n"
        async for event in _finished(waiting.result(), desk, wanted):
            yield event
    except Problem as problem:
        yield _error(problem, request)
    except Exception:
        log.exception("stream.broke")
        message = "Something went wrong on our side; the work goes on, and is charged once."
        yield _error(Problem(Kind.DEADLINE, message, generation=begun.id), request)
    finally:
        waiting.cancel()


async def _finished(report: Report, desk: Desk, wanted: Wanted) -> AsyncIterator[bytes]:
    """The events of every picture. Raises the Problem that the generation ended with."""
    if problem := failure(report) or _nothing(report):
        raise problem
    for image in report.images:
        file = await desk.read(image)
        for event in await asyncio.to_thread(_events_of, report, image, file, wanted):
            yield event


def _nothing(report: Report) -> Problem | None:
    """Why there is no picture to send: an empty stream would look like a cut one."""
    if report.images:
        return None
    if report.state is State.SUCCEEDED:
        return Problem(Kind.GONE, "The images of this generation are no longer kept.", generation=report.id)
    message = report.message or "The request was rejected by the safety system."
    return Problem(Kind.CONTENT_BLOCKED, message, generation=report.id, final=True)


def _events_of(report: Report, image: Delivered, file: bytes, wanted: Wanted) -> list[bytes]:
    """The events of one picture: its previews, then itself."""
    common = _common(report, image)
    partial = [
        _event(f"{wanted.name}.partial_image", preview, common | {"partial_image_index": index})
        for index, preview in enumerate(previews(file, wanted.previews))
    ]
    usage = {"usage": usage_of_one(report, image)}
    return [*partial, _event(f"{wanted.name}.completed", file, common | usage)]


def _common(report: Report, image: Delivered) -> dict[str, Any]:
    """What every event says of its picture; each member is one that clients' types require."""
    at = report.finished_at or report.updated_at
    return {"created_at": int(at.timestamp()), "quality": report.order.quality or "auto", **true_of(image)}


def _event(name: str, file: bytes, members: Mapping[str, Any]) -> bytes:
    """The base64 is spliced into ready bytes and never passes through a JSON encoder."""
    rest = json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode()
    head = b'event: %b\ndata: {"type":"%b","b64_json":"' % (name.encode(), name.encode())
    return b"".join((head, b64encode(file), b'",', rest[1:], b"\n\n"))


def _error(problem: Problem, request: Incoming) -> bytes:
    return b"event: error\ndata: %b\n\n" % word(problem, request).content()
