"""Which channel serves one call: by priority, then by weight, of those that are well and have room."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.conf import settings

from generations.channels import breaker, rows
from generations.channels.rows import Line, Served
from generations.errors import ProviderError
from generations.provider import Account
from generations.spec import Kind

SANDBOX = "sandbox"
WAIT_SECONDS = 2.0, 8.0
"""How long work waits before it looks at open breakers again: from, to."""


class Unavailable(ProviderError):
    """No channel can be called at this moment."""


class NoChannel(Unavailable):
    """No channel may be called for this model, now or later."""

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(Kind.MISCONFIGURED, f"{model}: {reason}")


class NotNow(Unavailable):
    """Every channel that could serve is resting after failures: it may be called later, and waiting for
    that spends no try."""

    def __init__(self, reason: str) -> None:
        pause = random.uniform(*WAIT_SECONDS)  # noqa: S311 - spreading, not hiding
        super().__init__(Kind.OVERLOADED, reason, retryable=True, retry_after=pause, waits=True)


class Full(Unavailable):
    """Every channel that could serve has as many calls at once as it may have. Waiting spends no try."""

    def __init__(self, name: str) -> None:
        reason = f"{name}: as many calls at once as there may be"
        super().__init__(Kind.OVERLOADED, reason, retryable=True, retry_after=1.0, waits=True)


@dataclass(frozen=True, slots=True)
class Choice:
    """The channel chosen for one call: its name, its provider's word, the upstream's own model id, the
    account to call it with. `served` is None for the sandbox. A `probe` asks whether a channel that
    rests is well again; `alone`: nobody else could be asked instead."""

    name: str
    provider: str
    upstream_model: str
    account: Account
    served: Served | None = None
    concurrency: int | None = None
    probe: bool = False
    alone: bool = True


def choose(model: str, mode: str, *, exclude: Collection[str] = (), failed: Collection[str] = ()) -> Choice:
    """A channel for one call at `model` (the catalogue's name). For the database threads.

    `mode` is `live` or `test`: test work is always drawn by the sandbox. `exclude` holds the names of
    channels that failed in this attempt, `failed` those that failed in earlier ones: none of either is
    chosen, except that the only channel of a model may be tried again in a later attempt.
    Raises NoChannel, NotNow, Full.
    """
    lines = rows.current()
    if _plays(lines, mode):
        return _sandbox(model)
    left = _left(lines, model, exclude, failed)
    for line in sorted((line for line in left if line.serves[model].opened), key=_rank):
        if breaker.may_probe(line.serves[model].link):
            return _choice(line, model, probe=True, alone=len(left) == 1)
    return _choice(_pick(_free(left, model)), model, alone=len(left) == 1)


def choose_quickly(
    model: str, mode: str, *, exclude: Collection[str] = (), failed: Collection[str] = ()
) -> Choice | None:
    """The same without the database, from the event loop: None where it must be asked."""
    lines = rows.kept()
    if lines is None:
        return None
    if _plays(lines, mode):
        return _sandbox(model)
    left = _left(lines, model, exclude, failed)
    if any(line.serves[model].opened for line in left):
        return None
    return _choice(_pick(_free(left, model)), model, alone=len(left) == 1)


def may_retry(model: str, mode: str, failed: Collection[str]) -> bool:
    """Whether a later attempt would find a channel that it may call, `failed` ones aside. For the
    database threads."""
    lines = rows.current()
    try:
        return _plays(lines, mode) or bool(_left(lines, model, (), failed))
    except NoChannel:
        return False


def _plays(lines: Sequence[Line], mode: str) -> bool:
    """Whether the sandbox draws. Live work reaches it only where there is nothing else and nothing is
    sold."""
    real = any(line.provider != SANDBOX for line in lines)
    return mode == "test" or (not real and settings.EASEL.env != "production")


def _sandbox(model: str) -> Choice:
    return Choice(SANDBOX, SANDBOX, model, Account(SANDBOX))


def _left(
    lines: Sequence[Line], model: str, exclude: Collection[str], failed: Collection[str]
) -> Sequence[Line]:
    """The channels that may be called for a model."""
    serving = [line for line in lines if line.provider != SANDBOX and line.usable and model in line.serves]
    if not serving:
        raise NoChannel(model, "no enabled, healthy channel serves it")
    spent = {*exclude} if len(serving) == 1 else {*exclude, *failed}
    left = [line for line in serving if line.name not in spent]
    if not left:
        raise NoChannel(model, "every channel that serves it has failed")
    return left


def _free(left: Sequence[Line], model: str) -> Sequence[Line]:
    """Those that are well and have room. Raises NotNow, Full."""
    well = [line for line in left if not line.serves[model].opened]
    if not well:
        raise NotNow(f"{model}: the breaker of every channel that serves it is open")
    free = [line for line in well if has_room(line.name, line.concurrency)]
    if not free:
        raise Full(model)
    return free


def _rank(line: Line) -> tuple[int, float]:
    """Highest priority first, chance among equals: who lost the last probe is not always first."""
    return -line.priority, random.random()  # noqa: S311 - no secret


def _pick(lines: Sequence[Line]) -> Line:
    """One of those with the highest priority, by weight."""
    highest = max(line.priority for line in lines)
    first = [line for line in lines if line.priority == highest]
    # Spreading load, not hiding anything: an ordinary random number is right.
    return random.choices(first, weights=[line.weight for line in first])[0]  # noqa: S311 - no secret


def _choice(line: Line, model: str, *, probe: bool = False, alone: bool) -> Choice:
    served = line.serves[model]
    return Choice(
        line.name, line.provider, served.upstream, line.account, served, line.concurrency, probe, alone
    )


# ---- calls at once, of this process --------------------------------------------------------------

_calling: Counter[str] = Counter()


def has_room(name: str, concurrency: int | None) -> bool:
    return concurrency is None or _calling[name] < concurrency


def enter(choice: Choice) -> None:
    """Take one of the calls that the channel may have at once, to be given back by `leave`. In the event
    loop. Raises Full."""
    if not has_room(choice.name, choice.concurrency):
        raise Full(choice.name)
    _calling[choice.name] += 1


def leave(choice: Choice) -> None:
    _calling[choice.name] -= 1
