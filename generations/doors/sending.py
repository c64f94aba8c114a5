"""Writing an answer out, and noticing who went away meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

from generations.dialect import Answer
from generations.doors.incoming import Receive, Send


async def send_answer(answer: Answer, receive: Receive, send: Send) -> int:
    """Write the answer, whose body is its bytes from then on. Returns how many of them were sent."""
    if isinstance(answer.body, AsyncIterator):
        return await _stream(answer, answer.body, receive, send)
    answer.body = body = answer.content()
    answer.headers.setdefault("Content-Type", "application/json")
    answer.headers["Content-Length"] = str(len(body))
    await _start(answer, send)
    await send({"type": "http.response.body", "body": body})
    return len(body)


async def _stream(answer: Answer, body: AsyncIterator[bytes], receive: Receive, send: Send) -> int:
    await _start(answer, send)
    sent = 0
    gone = asyncio.ensure_future(_gone(receive))
    async with contextlib.aclosing(_while_there(body, gone)) as chunks:
        async for chunk in chunks:
            sent += len(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    gone.cancel()
    await send({"type": "http.response.body", "body": b""})
    return sent


async def _while_there(body: AsyncIterator[bytes], gone: asyncio.Future[None]) -> AsyncGenerator[bytes]:
    """The chunks, until there are no more or nobody listens. Either way the body is closed: what it
    waits for goes on without it."""
    chunks = aiter(body)
    try:
        while True:
            step = asyncio.ensure_future(_next(chunks))
            both: set[asyncio.Future[Any]] = {step, gone}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not step.done():
                step.cancel()
                await asyncio.wait({step})
                return
            chunk = step.result()
            if chunk is None:
                return
            yield chunk
    finally:
        if close := getattr(body, "aclose", None):
            await close()


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    return await anext(chunks, None)


async def _gone(receive: Receive) -> None:
    """Until the client hangs up."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _start(answer: Answer, send: Send) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": _raw(answer.headers)})


def _raw(headers: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), str(value).encode("latin-1")) for name, value in headers.items()]
