"""The channels as their rows say, read at most once a second by each process."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from generations.channels.environment import OwnOrigin, refuse_own_origin
from generations.models import Channel, ChannelModel
from generations.provider import Account
from generations.providers import PROVIDERS
from generations.spec import Usage
from runtime.clock import DatabaseNow
from runtime.signing import SecretUnreadable, decrypt
from runtime.tenancy import operator

FRESH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Served:
    """A model at a channel: the row's key, the upstream's own model id, what its tokens cost us (in
    nano-dollars; None: not known), and whether the breaker is open."""

    link: int
    upstream: str
    costs: tuple[int | None, int | None, int | None]
    opened: bool

    def cost(self, usage: Usage) -> int | None:
        """Nano-dollars that the provider charges for a usage; None where a needed cost is not known."""
        counts = usage.prompt, usage.text + usage.thoughts, usage.output_images
        bills = [(count, each) for count, each in zip(counts, self.costs, strict=True) if count]
        if not bills or any(each is None for _, each in bills):
            return None
        return sum(count * (each or 0) for count, each in bills)


@dataclass(frozen=True, slots=True)
class Line:
    """A channel as it was read, with the models it serves by the catalogue's names."""

    account: Account
    provider: str
    usable: bool
    priority: int
    weight: int
    concurrency: int | None
    serves: Mapping[str, Served]

    @property
    def name(self) -> str:
        return self.account.channel


_kept: tuple[float, tuple[Line, ...]] | None = None
_reading = threading.Lock()


def current() -> tuple[Line, ...]:
    """All channels, at most a second old. For the database threads."""
    global _kept
    with _reading:
        lines = kept()
        if lines is None:
            lines = _read()
            _kept = time.monotonic(), lines
        return lines


def kept() -> tuple[Line, ...] | None:
    """The same without a look at the database; None when the last one is too long ago."""
    seen = _kept
    return seen[1] if seen and time.monotonic() - seen[0] < FRESH_SECONDS else None


def refresh() -> None:
    """Forget what was read, so that the next choice sees the rows as they are."""
    global _kept
    _kept = None


def mark_misconfigured(name: str, detail: str) -> None:
    """Take a channel out of service until an operator mends it. `detail` is what the upstream said.

    The built-in sandbox has nothing to mend. For the database threads.
    """
    with operator():
        Channel.objects.filter(name=name).update(
            health=Channel.Health.MISCONFIGURED, last_error=detail[:2000], last_error_at=DatabaseNow()
        )
    refresh()


def _read() -> tuple[Line, ...]:
    serves: defaultdict[int, dict[str, Served]] = defaultdict(dict)
    for row in ChannelModel.objects.all():
        costs = row.input_cost, row.text_cost, row.image_cost
        opened = row.opened_at is not None
        serves[row.channel_id][row.model_id] = Served(row.pk, row.upstream_model, costs, opened)
    gone = {"from_environment": True, "credential": ""}  # its variable was taken away: no channel any more
    return tuple(_line(row, serves[row.pk]) for row in Channel.objects.exclude(**gone))


def account_of(row: Channel) -> Account:
    """How a channel is called. Raises OwnOrigin, SecretUnreadable."""
    refuse_own_origin(row.base_url)
    options = tuple(sorted((str(name), str(value)) for name, value in row.options.items()))
    key = decrypt(row.credential) if row.credential else ""
    return Account(row.name, row.base_url, key, options)


def _line(row: Channel, serves: Mapping[str, Served]) -> Line:
    """A row that cannot be called (its secret cannot be read, it points at ourselves) is not usable."""
    usable = row.enabled and row.health == Channel.Health.HEALTHY and row.weight > 0
    key = ""
    try:
        refuse_own_origin(row.base_url)
        key = decrypt(row.credential) if row.credential and usable else ""
    except (OwnOrigin, SecretUnreadable):
        usable = False
    options = tuple(sorted((str(name), str(value)) for name, value in row.options.items()))
    return Line(
        account=Account(row.name, row.base_url, key, options),
        provider=row.provider,
        usable=usable and row.provider in PROVIDERS,
        priority=row.priority,
        weight=row.weight,
        concurrency=row.concurrency,
        serves=serves,
    )
