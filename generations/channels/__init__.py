"""Who draws it: the channel that serves a model, and the engine that speaks to it.

    sync_environment()       the channels that the settings name, at start
    choose(model, mode)      a channel for one call
    enter(), leave()         before and after it is called: how many calls at once it may have
    ended(choice, error)     after it: opens and closes the breaker
    retries                  how often may be tried again
    mark_misconfigured(...)  a channel whose key or model the upstream does not know
    provider_of(choice)      its engine in this event loop; close_all() ends them, preload() imports them
    probe(channel)           whether each upstream takes our key and knows the models, free of charge

Live work reaches the sandbox only where there is nothing else and nothing is sold: while no other
channel exists and `EASEL_ENV` is not production. It is never a failover.
"""

from __future__ import annotations

from generations.channels import breaker, environment
from generations.channels.budget import retries
from generations.channels.choosing import (
    SANDBOX,
    Choice,
    Full,
    NoChannel,
    NotNow,
    Unavailable,
    choose,
    choose_quickly,
    enter,
    leave,
    may_retry,
)
from generations.channels.engines import close_all, preload, provider_of
from generations.channels.environment import OwnOrigin, refuse_own_origin
from generations.channels.probing import Probed, probe
from generations.channels.rows import FRESH_SECONDS, mark_misconfigured, refresh
from generations.errors import ProviderError
from runtime import database

__all__ = [
    "FRESH_SECONDS",
    "SANDBOX",
    "Choice",
    "Full",
    "NoChannel",
    "NotNow",
    "OwnOrigin",
    "Probed",
    "Unavailable",
    "choose",
    "choose_quickly",
    "close_all",
    "ended",
    "enter",
    "leave",
    "mark_misconfigured",
    "may_retry",
    "preload",
    "probe",
    "provider_of",
    "refresh",
    "refuse_own_origin",
    "retries",
    "sync_environment",
]


def sync_environment() -> None:
    """Make, mend or disable the channels that the settings name. Raises OwnOrigin."""
    environment.sync_environment()
    refresh()


async def ended(choice: Choice, error: ProviderError | None = None) -> None:
    """Count a call that brought an outcome, or failed with `error`. Raises DatabaseUnavailable where it
    opens or closes the breaker."""
    if choice.served is None:
        return
    write = breaker.verdict(choice.served.link, choice.probe, error)
    if write is not None:
        await database.run(write)
