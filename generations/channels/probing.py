"""Asking an upstream whether it would serve, without ordering anything."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from generations.channels.engines import engine
from generations.channels.rows import account_of
from generations.errors import ProviderError
from generations.models import Channel
from generations.provider import Account
from generations.spec import Kind
from runtime.signing import SecretUnreadable

PROBE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Probed:
    """What an upstream said of one model: nothing wrong, or what."""

    model: str
    upstream_model: str
    problem: str = ""


def probe(channel: Channel) -> list[Probed]:
    """Of each model that a channel serves, at the same time; at least one answer, the channel's own where
    it serves none. For threads without an event loop."""
    served = [(link.model_id, link.upstream_model) for link in channel.serves.order_by("model_id")]
    try:
        account = account_of(channel)
    except (SecretUnreadable, ValueError) as error:
        return [Probed("", "", str(error))]
    if not served:
        return [Probed("", "", "It serves no model yet.")]
    return asyncio.run(_probe(channel.provider, account, served))


async def _probe(provider: str, account: Account, served: Sequence[tuple[str, str]]) -> list[Probed]:
    asked = engine(provider, account)
    try:
        problems = await asyncio.gather(
            *(_ask(asked.probe(upstream, PROBE_SECONDS)) for _, upstream in served)
        )
    finally:
        await asked.close()
    return [Probed(*names, problem) for names, problem in zip(served, problems, strict=True)]


async def _ask(probing: Awaitable[None]) -> str:
    try:
        async with asyncio.timeout(PROBE_SECONDS + 1):
            await probing
    except ProviderError as error:
        return error.detail
    except TimeoutError:
        return str(ProviderError(Kind.UPSTREAM_TIMEOUT, "no whole answer in time"))
    return ""
