"""How an attempt ends: images settled, another try, or a failure free of charge. Always exactly one of
`actions.finish`'s verbs; while the database is away the result waits in memory."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar

import structlog

from generations import channels
from generations.actions import finish
from generations.actions.claim import Claimed
from generations.attempts import Past, Trail
from generations.delivery import Harvest
from generations.errors import ProviderError
from generations.models import Generation, Output
from generations.spec import Kind, State, Usage
from runtime import clock, database, storage
from runtime.errors import DatabaseUnavailable
from runtime.failpoints import failpoint

log = structlog.get_logger(__name__)
T = TypeVar("T")

SETTLE_SECONDS = 180.0
"""How long a finished result is kept in memory while the database is away."""
WAIT_SECONDS = 300.0
"""How long an upstream may make a generation wait before waiting spends tries, too."""

SENTENCES = {
    Kind.CONTENT_BLOCKED: "The content was blocked by the safety filter. Change the prompt and try again.",
    Kind.NO_IMAGE: "The model answered without an image. Ask for a picture more plainly.",
    Kind.UPSTREAM_ERROR: "The model's provider failed. Nothing was charged; please try again.",
    Kind.UPSTREAM_TIMEOUT: "The model's provider took too long. Nothing was charged; please try again.",
    Kind.RATE_LIMITED: "The model's provider is over its limit. Nothing was charged; please try again later.",
    Kind.OVERLOADED: "The service is overloaded. Nothing was charged; please try again later.",
    Kind.MISCONFIGURED: "This model is not available right now. The operators have been told.",
    Kind.BAD_REQUEST: "The model's provider refused the request as invalid.",
    Kind.TOO_LARGE: "The request is too large for the model's provider.",
    Kind.UNSUPPORTED_MEDIA: "The model's provider cannot read one of the pictures.",
    Kind.DEADLINE: "It was not done by its deadline and was given up. Nothing was charged.",
    Kind.WORKER_LOST: "The workers that ran it were lost. Nothing was charged; please try again.",
    Kind.INTERNAL: "Something went wrong on our side. Nothing was charged; please try again.",
}


@dataclass(frozen=True, slots=True)
class Ended:
    """What this process knows of a generation it ended: its final words, the outputs' rows, and the
    bytes by storage key, so that whoever waited need not read anything back."""

    closed: finish.Closed
    state: State
    kind: str = ""
    message: str = ""
    parts: Sequence[Mapping[str, Any]] = ()
    usage: Usage = field(default_factory=Usage)
    outputs: tuple[Output, ...] = ()
    data: Mapping[str, bytes] = field(default_factory=dict)

    def apply(self, row: Generation) -> Generation:
        """The row of its submit, as it stands now."""
        row.state, row.kind, row.message = self.state.value, self.kind, self.message
        row.parts, row.usage, row.delivered = list(self.parts), asdict(self.usage), len(self.outputs)
        row.finished_at, row.expires_at, row.lease_expires_at = self.closed.at, self.closed.expires_at, None
        return row


async def deliver(mine: Claimed, harvest: Harvest, trail: Trail) -> Ended | None:
    """Store what is good and settle it. None if somebody else ended it first, or it is tried again."""
    tried = replace(
        trail.tried, images=len(harvest.good), surplus=harvest.surplus, detail=_detail(harvest, trail)
    )
    try:
        stored = await harvest.store()
    except storage.StorageError as error:
        lost = ProviderError(Kind.INTERNAL, f"storage: {error}", retryable=True)
        return await end_badly(mine, lost, trail, Past())
    failpoint("storage.after_put")
    closed = await _commit(lambda: finish.succeed(mine, stored, harvest.parts, tried))
    if closed is None:
        return None
    return Ended(
        closed,
        State.SUCCEEDED,
        parts=harvest.parts,
        usage=tried.usage,
        outputs=harvest.rows(stored),
        data={kept.key: image.data for kept, image in zip(stored, harvest.good, strict=True)},
    )


async def without_image(mine: Claimed, harvest: Harvest, trail: Trail) -> Ended | None:
    """Blocked and text-only answers are final, and free."""
    kind = Kind.CONTENT_BLOCKED if harvest.refused else Kind.NO_IMAGE
    trail.tried = replace(trail.tried, detail=_detail(harvest, trail))
    return await _fail(mine, kind, harvest.parts, trail)


def _detail(harvest: Harvest, trail: Trail) -> str:
    told = (f"{error.kind}: {error.detail}" for error in trail.errors)
    return "; ".join(filter(None, (trail.tried.detail, *harvest.spoiled, *told)))


async def end_badly(mine: Claimed, error: ProviderError, trail: Trail, past: Past) -> Ended | None:
    """Again, if that may help and a try is left; else over."""
    trail.tried = replace(
        trail.tried, detail=error.detail, request_id=error.request_id or trail.tried.request_id
    )
    if isinstance(error, channels.NotNow) and mine.synchronous:  # who stands at the door is told at once
        return await _fail(mine, error.kind, (), trail)
    delay, waits = _delay(mine, error), error.waits and not _waited_enough(error, past)
    if error.retryable and (mine.tries_left > 0 or waits) and _fits(mine, delay):
        failed = past.failed | trail.spent
        if waits or await _commit(lambda: channels.may_retry(mine.model, mine.mode, failed)):
            await _commit(lambda: finish.retry(mine, error.kind, delay, trail.tried, waits=waits))
            return None
    return await _fail(mine, error.kind, (), trail)


def _waited_enough(error: ProviderError, past: Past) -> bool:
    """Waiting for an upstream's limits is free for five minutes; for a breaker, up to the deadline."""
    if error.kind is not Kind.RATE_LIMITED or past.waits_since is None:
        return False
    return (clock.utc_now() - past.waits_since).total_seconds() > WAIT_SECONDS


def _delay(mine: Claimed, error: ProviderError) -> float:
    """Seconds until the next try: what the upstream asked for (at most 60), else full jitter over
    1, 2, 4 seconds."""
    if error.retry_after is not None:
        return min(error.retry_after, 60.0) + random.uniform(0, 1)  # noqa: S311  jitter
    return random.uniform(0.1, 2.0 ** max(0, 2 - mine.tries_left))  # noqa: S311  jitter


def _fits(mine: Claimed, delay: float) -> bool:
    return (mine.deadline_at - clock.utc_now()).total_seconds() > delay


async def _fail(mine: Claimed, kind: Kind, parts: Sequence[Mapping[str, Any]], trail: Trail) -> Ended | None:
    message = SENTENCES.get(kind, SENTENCES[Kind.INTERNAL])
    closed = await _commit(lambda: finish.fail(mine, kind, message, parts, trail.tried))
    if closed is None:
        return None
    usage = trail.tried.usage
    return Ended(closed, State.FAILED, kind=kind.value, message=message, parts=parts, usage=usage)


async def _commit(block: Callable[[], T]) -> T | None:
    """Write an ending, and keep trying while the database is away: the result lives only here."""
    until, pause = time.monotonic() + SETTLE_SECONDS, 0.2
    while True:
        with contextlib.suppress(DatabaseUnavailable):
            return await database.run(block)
        if time.monotonic() > until:
            log.error("attempt.result_lost_to_database")
            return None
        await asyncio.sleep(pause)
        pause = min(pause * 2, 3.0)
