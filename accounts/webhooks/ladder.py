"""When a failed message is tried again, counted from the end of the try before."""

from __future__ import annotations

from datetime import timedelta


def _steps(*seconds: int) -> tuple[timedelta, ...]:
    return tuple(timedelta(seconds=step) for step in seconds)


CALLBACK = _steps(1, 2, 4)
"""An order's own `callback_url`: EvoLink's contract, four tries in all."""
ENDPOINT = _steps(1, 2, 4, 60, 600, 3600, 6 * 3600)
"""A registered endpoint: the same first, then patience for a receiver that is being repaired."""
CLAIMS_PER_TRY = 2
"""A try may be lost with its dispatcher; a message that kills dispatchers ends all the same."""


def delay(*, registered: bool, attempts: int) -> timedelta | None:
    """How long to wait after this many recorded tries; None when it was the last."""
    steps = ENDPOINT if registered else CALLBACK
    return steps[attempts - 1] if attempts <= len(steps) else None


def most_claims(*, registered: bool) -> int:
    """How often a message may be taken in hand in one round."""
    return CLAIMS_PER_TRY * (1 + len(ENDPOINT if registered else CALLBACK))
