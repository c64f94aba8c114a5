"""How far any generation is, as server-sent events, for who would rather listen than ask again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from generations.dialect import Desk
from generations.dialects.openai.images import standing
from generations.spec import Report

PAUSE_SECONDS = 1.0
LOOKS = 120  # then the stream ends, so that nobody is told who left without a word; ask again


async def events(report: Report, desk: Desk) -> AsyncIterator[bytes]:
    """`generation.progress` each second, and last `generation.completed`, `.failed` or `.cancelled`."""
    yield _event(report)
    for _ in range(LOOKS):
        if report.state.final:
            return
        await asyncio.sleep(PAUSE_SECONDS)
        report = await desk.report(report.id)
        yield _event(report)


def _event(report: Report) -> bytes:
    told = standing(report)
    name = f"generation.{told['status'] if report.state.final else 'progress'}"
    data = json.dumps({"type": name} | told, separators=(",", ":"), ensure_ascii=False)
    return f"event: {name}\ndata: {data}\n\n".encode()
