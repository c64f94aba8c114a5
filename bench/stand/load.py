"""A closed-loop load: so many callers, each sending its next request when the last is answered."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from dataclasses import asdict, dataclass

import aiohttp


@dataclass(frozen=True)
class Result:
    """What was measured. Times in milliseconds."""

    requests: int
    errors: int
    seconds: float
    per_second: float
    p50: float
    p95: float
    p99: float


async def run(url: str, key: str, body: dict[str, object], callers: int, requests: int) -> Result:
    """Send `requests` requests from `callers` callers."""
    left, times, errors = iter(range(requests)), [], 0
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    payload = json.dumps(body).encode()

    async def caller(session: aiohttp.ClientSession) -> None:
        nonlocal errors
        for _ in left:
            began = time.perf_counter()
            async with session.post(url, data=payload, headers=headers) as answer:
                await answer.read()
                errors += answer.status != 200
            times.append((time.perf_counter() - began) * 1000)

    timeout = aiohttp.ClientTimeout(total=300)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:
        began = time.perf_counter()
        await asyncio.gather(*(caller(session) for _ in range(callers)))
        seconds = time.perf_counter() - began
    times.sort()
    at = lambda share: round(times[min(int(len(times) * share), len(times) - 1)], 1)  # noqa: E731
    return Result(
        requests, errors, round(seconds, 2), round(requests / seconds, 1), at(0.5), at(0.95), at(0.99)
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--body", required=True)
    parser.add_argument("--callers", type=int, required=True)
    parser.add_argument("--requests", type=int, required=True)
    told = parser.parse_args()
    result = asyncio.run(run(told.url, told.key, json.loads(told.body), told.callers, told.requests))
    print(json.dumps(asdict(result)))


if __name__ == "__main__":
    main()
