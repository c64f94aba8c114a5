"""The contract of an engine: an `Order` in, an `Outcome` out. No Django, no tenant, no money.

`wire` is how engines reach their upstreams, `failures` what can go wrong there, `words` what they say
in the prompt for want of a parameter.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from generations.spec import Order, Outcome, Size


@dataclass(frozen=True, slots=True)
class Account:
    """The upstream account a channel gives: where to call and with what secret.

    `api_key` never appears in a repr, a log or an error. `options` are the engine's own words, as
    pairs of name and value.
    """

    channel: str
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    options: tuple[tuple[str, str], ...] = ()

    def option(self, name: str) -> str:
        """An option's value, or nothing."""
        return dict(self.options).get(name, "")


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

    @property
    def exact(self) -> bool:
        """Whether the picture must have the shape of `size`: it was asked for, or there is no input whose
        shape it follows."""
        return shaped(self.order)


def shaped(order: Order) -> bool:
    """Whether an order says its pictures' shape, and does not leave it to the last input."""
    return order.ratio is not None or not any(stored.role == "image" for stored in order.inputs)


class Provider(Protocol):
    """An engine. One instance serves one channel in one event loop and is closed with it."""

    name: str

    async def generate(self, job: Job) -> Outcome:
        """Make at most `job.count` images. Raises ProviderError; never anything of the network."""
        ...

    async def probe(self, model: str, deadline: float) -> None:
        """Ask, within `deadline` seconds and at no cost, whether the upstream takes our key and knows
        `model` (its own id). Raises ProviderError."""
        ...

    async def close(self) -> None:
        """Give back sockets."""
        ...
