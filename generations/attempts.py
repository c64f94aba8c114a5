"""What a generation's attempts did: the calls of this one, and what earlier ones leave to know."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, fields, replace
from datetime import datetime

from generations.actions.claim import Claimed
from generations.actions.finish import Tried
from generations.channels import Choice
from generations.errors import ProviderError
from generations.models import Attempt
from generations.spec import Kind, Outcome, Usage
from runtime import clock
from runtime.tenancy import tenant

EXCERPT = 300
"""Characters of an upstream's words that each call keeps; the attempt itself keeps 2,000."""


@dataclass(frozen=True, slots=True)
class Past:
    """Earlier attempts at the same generation: the channels that failed it, whether any was called, and
    since when it waits because an upstream asked for that."""

    failed: frozenset[str] = frozenset()
    called: bool = False
    waits_since: datetime | None = None

    @classmethod
    def of(cls, mine: Claimed) -> Past:
        """Read from their rows. For the database threads."""
        if mine.attempt == 1:
            return cls()
        with tenant(mine.organization):
            rows = Attempt.objects.of(mine.organization).filter(generation_id=mine.id)
            told = list(rows.values_list("outcome", "kind", "calls", "finished_at"))
        calls = [call for row in told for call in row[2]]
        limits = "waited", Kind.RATE_LIMITED
        waits = [at for outcome, kind, _, at in told if (outcome, kind) == limits and at is not None]
        return cls(
            failed=frozenset(call["channel"] for call in calls if call["kind"] and not call["waits"]),
            called=any(not call["waits"] for call in calls),
            waits_since=min(waits, default=None),
        )


@dataclass(slots=True)
class Trail:
    """The calls of this attempt, for its row."""

    tried: Tried = field(default_factory=Tried)
    failed: set[str] = field(default_factory=set)
    errors: list[ProviderError] = field(default_factory=list)
    _began: float = 0.0

    def begin(self, choice: Choice) -> None:
        """A channel is called now."""
        self._began = time.monotonic()
        self.tried = replace(
            self.tried,
            channel=choice.name,
            provider=choice.provider,
            upstream_model=choice.upstream_model,
            upstream_at=clock.utc_now(),
        )

    def end(self, choice: Choice, outcome: Outcome | None, error: ProviderError | None) -> None:
        """The call is over. With an `error` this attempt leaves the channel alone, even if something came
        that was no picture."""
        if error:
            self.errors.append(error)
            self.failed.add(choice.name)
        call = {
            "channel": choice.name,
            "model": choice.upstream_model,
            "at": self.tried.upstream_at.isoformat() if self.tried.upstream_at else None,
            "seconds": round(time.monotonic() - self._began, 3),
            "images": len(outcome.images) if outcome else 0,
            "kind": error.kind.value if error else "",
            "waits": bool(error and error.waits),
            "detail": error.detail[:EXCERPT].replace("\x00", "") if error else "",
            "request_id": (outcome.request_id if outcome else error.request_id if error else "")[:200],
        }
        self.tried = replace(self.tried, calls=(*self.tried.calls, call))
        if outcome:
            self._count(choice, outcome)

    def _count(self, choice: Choice, outcome: Outcome) -> None:
        """What the provider counted, and charges us."""
        cost = choice.served.cost(outcome.usage) if choice.served else None
        known = [part for part in (self.tried.provider_cost, cost) if part is not None]
        self.tried = replace(
            self.tried,
            request_id=outcome.request_id,
            usage=_sum(self.tried.usage, outcome.usage),
            detail="; ".join(filter(None, (self.tried.detail, outcome.finish_reason))),
            provider_cost=sum(known) if known else None,
        )

    @property
    def spent(self) -> set[str]:
        """The channels that failed, those aside that only asked to wait."""
        waiting = {call["channel"] for call in self.tried.calls if call["waits"]}
        return self.failed - waiting

    def most_telling(self) -> ProviderError:
        """The failure to act on: one that costs no try, else one after which another try may help, else the
        last."""
        return max(enumerate(self.errors), key=lambda e: (e[1].waits, e[1].retryable, e[0]))[1]


def _sum(one: Usage, other: Usage) -> Usage:
    if one == Usage():
        return other
    names = [field.name for field in fields(Usage)]
    return Usage(**{name: getattr(one, name) + getattr(other, name) for name in names})
