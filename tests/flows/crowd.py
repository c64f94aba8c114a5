"""Many clients at one server at the same moment."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import Sequence
from typing import Any

import httpx2

from tests.flows.wire import EVOLINK, Door

TLS = ssl.create_default_context()  # never used here, and slow to make for each client


class Crowd:
    """Many clients at one server, each with a connection of its own, all asking at the same time."""

    def __init__(self, url: str) -> None:
        self.url = url

    def submit(
        self, calls: Sequence[tuple[Door, str]], *, order: dict[str, Any] | None = None, **headers: str
    ) -> list[httpx2.Response]:
        """One answer for each (door, key), in their order."""
        return asyncio.run(self._submit(calls, order or EVOLINK.order(), headers))

    async def _submit(
        self, calls: Sequence[tuple[Door, str]], order: dict[str, Any], headers: dict[str, str]
    ) -> list[httpx2.Response]:
        return list(await asyncio.gather(*(self._one(door, key, order, headers) for door, key in calls)))

    async def _one(
        self, door: Door, key: str, order: dict[str, Any], headers: dict[str, str]
    ) -> httpx2.Response:
        async with httpx2.AsyncClient(timeout=110, trust_env=False, verify=TLS) as client:
            headers = {"Authorization": f"Bearer {key}", **headers}
            return await client.post(self.url + door.prefix + door.submit, json=order, headers=headers)

    def post(self, times: int, path: str, key: str) -> list[httpx2.Response]:
        """The same call without a body, so many times."""
        return asyncio.run(self._post(times, path, key))

    async def _post(self, times: int, path: str, key: str) -> list[httpx2.Response]:
        async with httpx2.AsyncClient(timeout=30, trust_env=False, verify=TLS) as client:
            headers = {"Authorization": f"Bearer {key}"}
            return list(
                await asyncio.gather(*(client.post(self.url + path, headers=headers) for _ in range(times)))
            )


def statuses(answers: Sequence[httpx2.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)
