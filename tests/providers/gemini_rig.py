"""One order through the gemini engine against the loopback Google, for the tests beside this."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from generations.errors import ProviderError
from generations.provider import Account, Job
from generations.providers.gemini import Gemini
from generations.spec import Input, Order, Outcome, Size
from tests.upstreams.gemini import KEY, Upstream

FLASH = "gemini-2.5-flash-image"
PRO = "gemini-3-pro-image"
SQUARE = Size("1K", "1:1", 1024, 1024, 1290)


def order(prompt: str = "A white cat", **asked: Any) -> Order:
    return Order(**{"model": FLASH, "asked": FLASH, "prompt": prompt} | asked)


def picture(data: bytes, *, role: str = "image", key: str = "inputs/1") -> Input:
    """An input as the catalogue of stored inputs describes it."""
    return Input(sha256="0" * 64, mime="image/png", width=1, height=1, bytes=len(data), key=key, role=role)


def job(asked: Order, stored: Mapping[str, bytes] | None = None, **changes: Any) -> Job:
    async def read(key: str) -> bytes:
        return (stored or {})[key]

    plain = Job(asked, FLASH, asked.count, SQUARE, deadline=20, attempt=1, read=read)
    return replace(plain, **changes)


async def ask(google: Upstream, wanted: Job, *, key: str = KEY, url: str = "") -> Outcome:
    engine = Gemini(Account("test", url or google.url, key))
    try:
        return await engine.generate(wanted)
    finally:
        await engine.close()


def draw(
    wanted: Job | str, programme: str = "", times: int | None = 1, **how: Any
) -> tuple[Outcome, Upstream]:
    """What the engine brings, and the Google it asked, which answers the first calls as programmed."""

    async def main() -> tuple[Outcome, Upstream]:
        async with Upstream() as google:
            if programme:
                google.program(programme, times=times)
            return await ask(google, _job(wanted), **how), google

    return asyncio.run(main())


def fail(wanted: Job | str, **how: Any) -> tuple[ProviderError, Upstream]:
    """The error the engine raises, and the Google it asked."""

    async def main() -> tuple[ProviderError, Upstream]:
        async with Upstream() as google:
            try:
                outcome = await ask(google, _job(wanted), **how)
            except ProviderError as error:
                return error, google
            raise AssertionError(f"no error, but {outcome.finish_reason} {outcome.parts}")

    return asyncio.run(main())


async def until(true: Callable[[], bool]) -> None:
    """Wait for something that the stub counts."""
    while not true():  # noqa: ASYNC110 (a count has no event)
        await asyncio.sleep(0.01)


def _job(wanted: Job | str) -> Job:
    return wanted if isinstance(wanted, Job) else job(order(wanted))
