"""One attempt from claim to end: the only caller of a provider.

Channel, engine, verified images, storage, settle. Whatever happens, the attempt ends in exactly
one of `actions.finish`'s verbs; if even the database is gone, the result is kept in memory and
written when it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar

import structlog
from django.conf import settings

from generations import catalogue, channels, outputs
from generations.actions import finish
from generations.actions.claim import Claimed
from generations.errors import ProviderError
from generations.models import Generation, Output
from generations.provider import Job
from generations.spec import Image, Kind, Outcome, Refusal, State, Text, Usage
from runtime import clock, database, logs, storage
from runtime.errors import DatabaseUnavailable
from runtime.failpoints import failpoint

log = structlog.get_logger(__name__)
T = TypeVar("T")

SETTLE_SECONDS = 180.0
"""How long a finished result is kept in memory while the database is away."""

STORE_SECONDS = 60.0
"""How long a put is tried again within the attempt, while the store is away."""

SENTENCES = {
    Kind.CONTENT_BLOCKED: "The content was blocked by the safety filter. Change the prompt and try again.",
    Kind.NO_IMAGE: "The model answered without an image. Ask for a picture more plainly.",
    Kind.UPSTREAM_ERROR: "The model's provider failed. Nothing was charged; please try again.",
    Kind.UPSTREAM_TIMEOUT: "The model's provider took too long. Nothing was charged; please try again.",
    Kind.RATE_LIMITED: "The model's provider is over its limit. Nothing was charged; please try again later.",
    Kind.OVERLOADED: "The service is overloaded. Nothing was charged; please try again later.",
    Kind.MISCONFIGURED: "This model is not available right now. The operators have been told.",
    Kind.BAD_REQUEST: "The model's provider refused the request as invalid.",
    Kind.INTERNAL: "Something went wrong on our side. Nothing was charged; please try again.",
}


@dataclass(slots=True)
class _Trace:
    """What the attempt has learned so far, for its row."""

    tried: finish.Tried = field(default_factory=finish.Tried)
    called: bool = False


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


async def run(mine: Claimed) -> Ended | None:
    """Run a claimed generation to the end of this attempt. None if it is not over (another try, or
    somebody else ended it). Raises nothing but CancelledError, and that only before the upstream was
    called. Its log lines carry the id of the request that asked for it."""
    with logs.about(mine.request_id):
        return await _attempt(mine)


async def _attempt(mine: Claimed) -> Ended | None:
    trace = _Trace()
    try:
        outcome = await _call(mine, trace)
    except ProviderError as error:
        return await _ended_badly(mine, error, trace)
    except DatabaseUnavailable:
        log.warning("attempt.database_away", generation=str(mine.id))  # the lease runs out; it is run again
        return None
    except Exception as error:
        log.exception("attempt.broke", generation=str(mine.id))
        return await _ended_badly(mine, ProviderError(Kind.INTERNAL, repr(error), retryable=True), trace)
    failpoint("upstream.after")
    return await _deliver(mine, outcome, trace)


async def _call(mine: Claimed, trace: _Trace) -> Outcome:
    """Choose a channel and call its engine, outside any transaction, with a deadline."""
    choice, size = await database.run(
        lambda: (channels.choose(mine.model, mine.mode), catalogue.size_for(mine.order))
    )
    provider = channels.provider_of(choice)
    trace.tried = replace(
        trace.tried,
        channel=choice.name,
        provider=choice.provider,
        upstream_model=choice.upstream_model,
        upstream_at=clock.utc_now(),
    )
    trace.called = True
    job = Job(
        order=mine.order,
        model=choice.upstream_model,
        count=mine.count,
        size=size,
        deadline=_seconds_left(mine),
        attempt=mine.attempt,
        read=storage.default().aread,
    )
    try:
        async with asyncio.timeout(job.deadline + 5):  # engines keep the deadline; this one does not trust
            return await provider.generate(job)
    except TimeoutError:
        raise ProviderError(
            Kind.UPSTREAM_TIMEOUT, "the engine overstayed its deadline", retryable=True
        ) from None


def _seconds_left(mine: Claimed) -> float:
    left = (mine.deadline_at - clock.utc_now()).total_seconds()
    return max(min(settings.EASEL.attempt_seconds, left), 1.0)


# ---- what came back --------------------------------------------------------------------------


async def _deliver(mine: Claimed, outcome: Outcome, trace: _Trace) -> Ended | None:
    """Store what is good, settle it; or end the attempt for what is missing."""
    good, parts, spoiled = await _verify(mine, outcome)
    trace.tried = replace(
        trace.tried,
        request_id=outcome.request_id,
        usage=outcome.usage,
        images=len(good),
        surplus=max(len(outcome.images) - mine.count, 0),
        detail="; ".join(filter(None, (outcome.finish_reason, *spoiled))),
    )
    if not good:
        return await _nothing(mine, outcome, parts, spoiled, trace)
    try:
        stored = await asyncio.gather(*(_store(mine, number, image) for number, image in enumerate(good)))
    except storage.StorageError as error:
        return await _ended_badly(
            mine, ProviderError(Kind.INTERNAL, f"storage: {error}", retryable=True), trace
        )
    failpoint("storage.after_put")
    closed = await _commit(lambda: finish.succeed(mine, stored, parts, trace.tried))
    if closed is None:
        return None
    return Ended(
        closed,
        State.SUCCEEDED,
        parts=parts,
        usage=outcome.usage,
        outputs=tuple(_output(mine, number, kept) for number, kept in enumerate(stored)),
        data={kept.key: image.data for kept, image in zip(stored, good, strict=True)},
    )


def _output(mine: Claimed, number: int, kept: finish.Stored) -> Output:
    """The output's row as the finish wrote it."""
    return Output(
        organization_id=mine.organization,
        generation_id=mine.id,
        number=number,
        storage_key=kept.key,
        mime=kept.mime,
        width=kept.width,
        height=kept.height,
        bytes=kept.bytes,
        sha256=kept.sha256,
        signature=kept.signature,
    )


@dataclass(frozen=True, slots=True)
class _Good:
    data: bytes
    verified: outputs.Verified
    signature: str | None


async def _verify(mine: Claimed, outcome: Outcome) -> tuple[list[_Good], list[Mapping[str, Any]], list[str]]:
    """The images that are whole (at most as many as ordered), the ordered parts, and what was wrong
    with the others. Bytes are kept as they came, unless another format was asked for."""
    good: list[_Good] = []
    parts: list[Mapping[str, Any]] = []
    spoiled: list[str] = []
    for part in outcome.parts:
        if isinstance(part, Text):
            parts.append({"text": part.text, "thought": part.thought, "signature": part.signature})
        elif isinstance(part, Refusal):
            parts.append({"refusal": part.category, "stage": part.stage, "message": part.message})
        elif len(good) < mine.count:
            try:
                good.append(await asyncio.to_thread(_check, part, mine))
            except outputs.BadImage as error:
                spoiled.append(f"image refused: {error}")
            else:
                parts.append({"image": len(good) - 1, "signature": part.signature})
    return good, parts, spoiled


def _check(image: Image, mine: Claimed) -> _Good:
    verified = outputs.verify(image.data)
    wanted = mine.order.format
    if wanted and verified.mime != f"image/{wanted}":
        data = outputs.convert(image.data, wanted, mine.order.compression)
        return _Good(data, outputs.verify(data), image.signature)
    return _Good(image.data, verified, image.signature)


async def _store(mine: Claimed, number: int, image: _Good) -> finish.Stored:
    key = outputs.key(
        mine.mode,
        mine.created_at.date(),
        mine.organization,
        mine.id,
        mine.attempt,
        number,
        image.verified.extension,
    )
    left = (mine.deadline_at - clock.utc_now()).total_seconds()
    await storage.default().aput(
        key, image.data, image.verified.mime, deadline=max(min(STORE_SECONDS, left), 1.0)
    )
    failpoint("storage.after_put")
    return finish.Stored(
        key=key,
        mime=image.verified.mime,
        width=image.verified.width,
        height=image.verified.height,
        bytes=len(image.data),
        sha256=image.verified.sha256,
        signature=image.signature,
    )


async def _nothing(
    mine: Claimed, outcome: Outcome, parts: Sequence[Mapping[str, Any]], spoiled: Sequence[str], trace: _Trace
) -> Ended | None:
    """No image: blocked and text-only answers are final; a broken image may come out whole next time."""
    if any(isinstance(part, Refusal) for part in outcome.parts):
        return await _fail(mine, Kind.CONTENT_BLOCKED, parts, trace)
    if spoiled:
        return await _ended_badly(mine, ProviderError(Kind.UPSTREAM_ERROR, spoiled[0], retryable=True), trace)
    return await _fail(mine, Kind.NO_IMAGE, parts, trace)


async def _ended_badly(mine: Claimed, error: ProviderError, trace: _Trace) -> Ended | None:
    """Again, if that may help and a try is left; else over."""
    trace.tried = replace(
        trace.tried, detail=error.detail, request_id=error.request_id or trace.tried.request_id
    )
    if error.kind is Kind.MISCONFIGURED and trace.tried.channel:
        await _commit(lambda: channels.mark_misconfigured(trace.tried.channel, error.detail))
    delay = _delay(mine, error)
    if error.retryable and (mine.tries_left > 0 or error.waits) and _fits(mine, delay):
        await _commit(lambda: finish.retry(mine, error.kind, delay, trace.tried, waits=error.waits))
        return None
    return await _fail(mine, error.kind, (), trace)


def _delay(mine: Claimed, error: ProviderError) -> float:
    """Seconds until the next try: what the upstream asked for (at most 60), else full jitter over
    1, 2, 4 seconds."""
    if error.retry_after is not None:
        return min(error.retry_after, 60.0) + random.uniform(0, 1)  # noqa: S311  jitter
    return random.uniform(0.1, 2.0 ** max(0, 2 - mine.tries_left))  # noqa: S311  jitter


def _fits(mine: Claimed, delay: float) -> bool:
    return (mine.deadline_at - clock.utc_now()).total_seconds() > delay


async def _fail(mine: Claimed, kind: Kind, parts: Sequence[Mapping[str, Any]], trace: _Trace) -> Ended | None:
    message = SENTENCES.get(kind, SENTENCES[Kind.INTERNAL])
    closed = await _commit(lambda: finish.fail(mine, kind, message, parts, trace.tried))
    if closed is None:
        return None
    return Ended(closed, State.FAILED, kind=kind.value, message=message, parts=parts, usage=trace.tried.usage)


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
