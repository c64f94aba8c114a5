"""One attempt from claim to end: the only caller of a provider.

A call that fails goes on at the next channel, images that are missing are bought again, while time and
the retry budget allow. Whatever happens, the attempt has exactly one ending (`generations/endings.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from functools import partial

import structlog
from django.conf import settings

from generations import catalogue, channels, endings
from generations.actions.claim import Claimed
from generations.attempts import Past, Trail
from generations.channels import Choice
from generations.delivery import Harvest, read
from generations.endings import Ended
from generations.errors import ProviderError
from generations.provider import Job
from generations.spec import Kind, Outcome, Size
from runtime import clock, database, logs
from runtime.errors import DatabaseUnavailable
from runtime.failpoints import failpoint

__all__ = ["Ended", "run"]

log = structlog.get_logger(__name__)

ROUNDS = 3
"""How often one attempt asks for images: first for all, then for those that are missing."""
ROOM_SECONDS = 10.0
"""How long an attempt waits here for a channel that has its calls at once, before it gives its slot back."""
LEAST_SHARE = 0.1
"""Of the attempt's time: with less than this left no other call is begun."""
ROOM_PAUSE = 0.05
PROBE_SHARE = 1 / 3
"""Of the time that is left: what a probe may take where another channel could serve."""


async def run(mine: Claimed) -> Ended | None:
    """Run a claimed generation to the end of this attempt. None if it is not over (another try, or
    somebody else ended it). Raises nothing but CancelledError, and that only before the upstream was
    called. Its log lines carry the id of the request that asked for it."""
    with logs.about(mine.request_id):
        return await _attempt(mine)


async def _attempt(mine: Claimed) -> Ended | None:
    trail, past = Trail(), Past()
    try:
        size, past = await _looked_up(mine)
        harvest = await _Drawing(mine, size, past, trail).draw()
    except ProviderError as error:
        return await endings.end_badly(mine, error, trail, past)
    except DatabaseUnavailable:
        log.warning("attempt.database_away", generation=str(mine.id))  # the lease runs out; it is run again
        return None
    except Exception as error:
        log.exception("attempt.broke", generation=str(mine.id))
        broke = ProviderError(Kind.INTERNAL, repr(error), retryable=True)
        return await endings.end_badly(mine, broke, trail, past)
    failpoint("upstream.after")
    if harvest.good:
        return await endings.deliver(mine, harvest, trail)
    return await endings.without_image(mine, harvest, trail)


async def _looked_up(mine: Claimed) -> tuple[Size, Past]:
    """What must be known before the first call; most often it is, without the database."""
    if mine.attempt == 1 and (size := catalogue.size_if_known(mine.order)):
        return size, Past()
    return await database.run(lambda: (catalogue.size_for(mine.order), Past.of(mine)))


class _Drawing:
    """The calls of one attempt, which share its time."""

    def __init__(self, mine: Claimed, size: Size, past: Past, trail: Trail) -> None:
        self.mine, self.past, self.trail = mine, past, trail
        self.harvest = Harvest(mine, size)
        left = (mine.deadline_at - clock.utc_now()).total_seconds()
        self.seconds = max(min(settings.EASEL.attempt_seconds, left), 1.0)
        self.ends = time.monotonic() + self.seconds
        self.alone = True

    async def draw(self) -> Harvest:
        """Ask until all images are there, or asking again would not help. Raises ProviderError when
        nothing came but failures."""
        self._earn()
        rounds = 0
        while True:
            try:
                missing = await self._ask()
                rounds += 1
                if not missing or rounds == ROUNDS or not self._may_spend():
                    break
                await asyncio.sleep(random.uniform(0, 2**rounds / 4))  # noqa: S311  jitter
            except channels.Unavailable:
                if not (self.trail.errors or self.harvest.good):
                    raise
                break
            except ProviderError as error:
                if not self._may_fail_over(error):
                    break
        if self.trail.errors and not (self.harvest.good or self.harvest.parts):
            raise self.trail.most_telling()
        return self.harvest

    def _earn(self) -> None:
        """A first call earns a part of a retry, a later attempt is one."""
        if not self.past.called:
            channels.retries.called()
        elif not channels.retries.spend():
            raise channels.NotNow("too many of this process's calls are retries")

    def _may_fail_over(self, error: ProviderError) -> bool:
        """Whether another channel may be asked for what this one did not bring."""
        passing = error.retryable or error.kind is Kind.MISCONFIGURED
        return passing and not self.alone and self._may_spend()

    def _may_spend(self) -> bool:
        """Whether time and the retry budget allow another call."""
        return self.ends - time.monotonic() > LEAST_SHARE * self.seconds and channels.retries.spend()

    # ---- one call ----------------------------------------------------------------------------

    async def _ask(self) -> int:
        """Call one channel for what is missing. Returns how many images another call may still bring.
        Raises ProviderError when this one brought nothing."""
        choice = await self._choose()
        self.trail.begin(choice)
        try:
            outcome = await self._generate(choice)
        except ProviderError as error:
            await self._note(choice, error)
            self.trail.end(choice, None, error)
            raise
        finally:
            channels.leave(choice)
        await self._note(choice, None)
        bad = await self.harvest.take(outcome)
        spoiled = self.harvest.spoilt() if bad else None
        self.trail.end(choice, outcome, spoiled)
        if spoiled:
            raise spoiled
        return min(outcome.lost + bad, self.harvest.missing)

    async def _choose(self) -> Choice:
        """A channel with room for a call, which is counted from now on."""
        until = min(time.monotonic() + ROOM_SECONDS, self.ends)
        spent = {"exclude": frozenset(self.trail.failed), "failed": self.past.failed}
        ask = partial(channels.choose, self.mine.model, self.mine.mode, **spent)
        while True:
            try:
                choice = channels.choose_quickly(self.mine.model, self.mine.mode, **spent)
                if choice is None:
                    choice = await database.run(ask)
                channels.enter(choice)
                self.alone = choice.alone
                return choice
            except channels.Full:
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(ROOM_PAUSE)

    async def _generate(self, choice: Choice) -> Outcome:
        left = max(self.ends - time.monotonic(), 1.0)
        seconds = left * PROBE_SHARE if choice.probe and not choice.alone else left
        job = Job(
            order=self.mine.order,
            model=choice.upstream_model,
            count=self.mine.count - len(self.harvest.good),
            size=self.harvest.size,
            deadline=seconds,
            attempt=self.mine.attempt,
            read=lambda key: read(key, seconds),
        )
        provider = channels.provider_of(choice)
        try:
            async with asyncio.timeout(seconds + 5):  # engines keep the deadline; this one does not trust
                return await provider.generate(job)
        except TimeoutError:
            late = "the engine overstayed its deadline"
            raise ProviderError(Kind.UPSTREAM_TIMEOUT, late, retryable=True) from None

    async def _note(self, choice: Choice, error: ProviderError | None) -> None:
        """Tell the channel's row what concerns everybody."""
        with contextlib.suppress(DatabaseUnavailable):
            if error and error.kind is Kind.MISCONFIGURED and choice.served:
                detail = error.detail
                await database.run(lambda: channels.mark_misconfigured(choice.name, detail))
            await channels.ended(choice, error)
