"""What an account is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from accounts.models import Delivery, OutboxMessage

MOST_AHEAD: Final = 1000
"""Orders before one are counted up to here."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of time. `tone` is `waiting`, `preparing`, `drawing` or `storing`."""

    words: str
    tone: str
    began: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Line:
    """Something that happened. `since` is seconds after the order; `tone` `good`, `bad` or empty; a
    transfer has its `tokens` and `amount` (nano-dollars)."""

    at: datetime
    words: str
    tone: str = ""
    since: float = 0.0
    tokens: int | None = None
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """The whole. `held` = `charged` + `returned` + what is still open, in tokens. `ahead` is how many
    of the organization's orders stood before it (None: it never stood in the queue)."""

    phases: tuple[Phase, ...]
    lines: tuple[Line, ...]
    held: int
    charged: int
    returned: int
    refunded: int
    ahead: int | None

    @property
    def seconds(self) -> float:
        return sum(phase.seconds for phase in self.phases)

    @property
    def open(self) -> int:
        """Tokens that are held still."""
        return self.held - self.charged - self.returned

    @property
    def bars(self) -> Iterator[tuple[str, float, float]]:
        """Each phase as it is drawn: its tone, and where it begins and how long it is in thousandths."""
        whole, passed = self.seconds, 0.0
        for phase in self.phases:
            yield phase.tone, round(1000 * passed / whole, 1), round(1000 * phase.seconds / whole, 1)
            passed += phase.seconds


@dataclass(frozen=True, slots=True)
class Told:
    """A message about the generation, with every try to deliver it, oldest first."""

    message: OutboxMessage
    tries: tuple[Delivery, ...]
