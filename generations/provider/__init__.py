"""The contract of an engine: an `Order` in, an `Outcome` out. No Django, no tenant, no money."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from generations.spec import Order, Outcome, Size


@dataclass(frozen=True, slots=True)
class Account:
    """The upstream account a channel gives: where to call and with what secret.

    `api_key` never appears in a repr, a log or an error.
    """

    channel: str
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """One call to an engine.

    `model` is the upstream's own model id, `count` how many images are still wanted, `size` the
    catalogue cell the picture must have, `deadline` the seconds the whole call may take,
    `read` fetches the stored bytes of an input by its storage key, `attempt` counts from 1.
    """

    order: Order
    model: str
    count: int
    size: Size
    deadline: float
    attempt: int
    read: Callable[[str], Awaitable[bytes]]


class Provider(Protocol):
    """An engine. One instance serves one channel in one event loop and is closed with it."""

    name: str

    async def generate(self, job: Job) -> Outcome:
        """Make at most `job.count` images. Raises ProviderError; never anything of the network."""
        ...

    async def close(self) -> None:
        """Give back sockets."""
        ...
