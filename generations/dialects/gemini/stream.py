"""`streamGenerateContent`: opened as soon as the order is held, kept alive, closed by what came out.

The generation's id goes out first, in the header. It cannot be an SSE comment, nor any other line but
`data:`: google-genai reads every such line as JSON and gives up. A blank line it ignores, as
the standard says, so that is what keeps a connection alive; in the array it is white space.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import structlog

from generations.dialect import Answer, Desk, Incoming
from generations.dialects.gemini.answer import NO_STORE, Made, made, response
from generations.dialects.gemini.candidates import to_json
from generations.dialects.gemini.errors import word
from generations.errors import Problem
from generations.spec import Kind, Report

log = structlog.get_logger(__name__)

KEEP_ALIVE_SECONDS = 10.0
BLANK = b"\r\n"


@dataclass(frozen=True, slots=True)
class Framing:
    """How responses follow each other in a stream."""

    media_type: str
    head: bytes
    before: bytes
    after: bytes
    between: bytes
    tail: bytes


EVENTS = Framing("text/event-stream", b"", b"data: ", b"\r\n\r\n", b"", b"")
ARRAY = Framing("application/json", b"[", b"", b"", b",\r\n", b"]")


def opened(begun: Report, desk: Desk, request: Incoming, framing: Framing) -> Answer:
    """The 200 of a generation that is held and still to be drawn: a failure after this is an event. It
    tells clients not to send the call again, as every answer after a hold does."""
    responses = _responses(begun, desk, lambda problem: _failed(problem, request))
    return Answer(200, _framed(responses, framing), _headers(framing) | {"x-should-retry": "false"}, begun)


def replayed(answer: Made, framing: Framing) -> Answer:
    """The 200 of a generation that ended before: it is all there."""
    return Answer(200, _framed(_told(answer), framing), _headers(framing), answer.report)


def _failed(problem: Problem, request: Incoming) -> bytes:
    """The error, and a candidate that says why it ended: google-genai 1.x reads no error in a stream."""
    answer = json.loads(word(problem, request).content())
    why = {"finishReason": "OTHER", "finishMessage": answer["error"]["message"], "index": 0}
    return to_json(answer | {"candidates": [why]})


def _headers(framing: Framing) -> dict[str, str]:
    return NO_STORE | {"Content-Type": framing.media_type, "X-Accel-Buffering": "no"}


async def _framed(responses: AsyncIterator[bytes], framing: Framing) -> AsyncIterator[bytes]:
    """The responses in their frames; an empty one is a sign of life."""
    if framing.head:
        yield framing.head
    between = b""
    async for response_ in responses:
        if not response_:
            yield BLANK
            continue
        yield between + framing.before + response_ + framing.after
        between = framing.between
    if framing.tail:
        yield framing.tail


async def _responses(begun: Report, desk: Desk, error: Callable[[Problem], bytes]) -> AsyncIterator[bytes]:
    """Signs of life until the generation has ended, then what came of it."""
    ending = asyncio.create_task(_ended(begun, desk))
    try:
        while not ending.done():
            await asyncio.wait([ending], timeout=KEEP_ALIVE_SECONDS)
            if not ending.done():
                yield b""
        async for response_ in _told(ending.result()):
            yield response_
    except Problem as problem:
        yield error(problem)
    except Exception:
        log.exception("gemini.stream_broke", generation=str(begun.id))
        message = "Something went wrong on our side; the work goes on, and is charged once."
        yield error(Problem(Kind.DEADLINE, message, generation=begun.id))
    finally:
        ending.cancel()  # only the wait: the work goes on without it


async def _ended(begun: Report, desk: Desk) -> Made:
    return await made(await desk.ended(begun), desk)


async def _told(answer: Made) -> AsyncIterator[bytes]:
    """A response for each piece; the last one has the final usage."""
    pieces = [piece for candidate in answer.candidates for piece in candidate.split()]
    for piece in pieces[:-1]:
        yield await response(answer, (piece,), last=False)
    yield await response(answer, pieces[-1:], last=True)
