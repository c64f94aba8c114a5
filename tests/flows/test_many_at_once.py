"""Five hundred calls waiting at the synchronous door cost a handful of threads."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import psutil
import pytest

from tests.cast import Cast
from tests.house import Program, Servers

CALLS = 500
HELD = "A lamp test:slow=8"


@pytest.mark.slow
def test_five_hundred_held_calls_need_fewer_than_forty_threads(cast: Cast, servers: Servers) -> None:
    web = servers.web(EASEL_CONCURRENCY="1000")
    try:
        statuses, threads = asyncio.run(hold(web, cast.key("test")))
    finally:
        web.kill()
    assert statuses == [200] * CALLS
    assert 0 < threads < 40


async def hold(web: Program, key: str) -> tuple[list[int], int]:
    """All statuses, and the most threads the server had while the calls waited."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        connector=connector, timeout=aiohttp.ClientTimeout(total=110)
    ) as session:
        calls = [asyncio.create_task(call(session, web.url, key)) for _ in range(CALLS)]
        threads = 0
        while not all(task.done() for task in calls):
            threads = max(threads, psutil.Process(web.pid).num_threads())
            await asyncio.sleep(0.25)
        return [task.result() for task in calls], threads


async def call(session: aiohttp.ClientSession, url: str, key: str) -> int:
    body: dict[str, Any] = {"model": "gemini-2.5-flash-image", "prompt": HELD, "size": "1024x1024"}
    headers = {"Authorization": f"Bearer {key}"}
    async with session.post(f"{url}/openai/v1/images/generations", json=body, headers=headers) as answer:
        await answer.read()
        return answer.status
