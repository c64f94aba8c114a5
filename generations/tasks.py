"""What django-q2 calls. Five lines each: the work is elsewhere, and safe to be called twice."""

from __future__ import annotations

from generations import channels
from generations import drain as drains


def preload() -> None:
    """Import what workers will need before they are forked: each starts at once, and shares it."""
    channels.preload()


def drain() -> str:
    """Run due generations until none is due or the slice is over. Says how many it ran."""
    return drains.run_slice()


def canary() -> None:
    """Say that this cluster's queue moves."""
    drains.beat_as_canary()
