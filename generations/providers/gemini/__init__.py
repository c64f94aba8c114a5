"""The engine `gemini`: Google's image models, through the Gemini API or Vertex AI.

    Gemini(account)     one channel, in one event loop
    .generate(job)      an `Order` as `job.count` calls at once, their answers as one `Outcome`
    .probe(model, ...)  whether Google takes our key and knows the model, free of charge
    .close()            gives back the sockets

One call is one POST to the documented REST address and makes one picture: Google's image models refuse
to make several candidates. `request` says what we ask, `answer` what came, `failures` what went wrong,
`place` where it is asked and under what name.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

from generations.errors import ProviderError
from generations.provider import Account, Job
from generations.provider.failures import hide, raised
from generations.provider.wire import Answer, Wire, aside
from generations.providers.gemini import answer, request
from generations.providers.gemini.failures import answered
from generations.providers.gemini.place import Place, find
from generations.spec import Kind, Outcome

log = logging.getLogger(__name__)


class Gemini:
    """Google's image models, one call per picture, all calls of a job at once.

    Takes the channel's account: an API key, and a base URL when it is not Google's own; or, with the
    option `project`, a service account of Vertex AI.
    """

    name = "gemini"

    def __init__(self, account: Account) -> None:
        self._account = account
        self._wire = Wire()
        self._place: Place | None = None

    async def generate(self, job: Job) -> Outcome:
        """`job.count` calls in `job.deadline` seconds, each for one picture.

        Raises ProviderError when no call brought anything; of several calls, what was drawn is
        delivered, `lost` counts the others and `finish_reason` names why they failed. Google may draw
        more than it was asked: the caller drops and notes what is over. Errors of `job.read` pass as
        they are.
        """
        ends = asyncio.get_running_loop().time() + job.deadline
        pictures = await self._pictures(job, ends)
        bodies = await self._bodies(job, pictures)
        results = await asyncio.gather(*(self._call(job, body, ends) for body in bodies))
        for lost in (r for r in results if isinstance(r, ProviderError)):
            log.warning("gemini: channel %s: %s: %s", self._account.channel, lost.kind, lost.detail)
        return answer.merge(results)

    async def probe(self, model: str, deadline: float) -> None:
        """Reads the page of the model."""
        secrets: tuple[str, ...] = (self._account.api_key,)
        ends = asyncio.get_running_loop().time() + deadline
        try:
            place = self._place = self._place or find(self._account, self._wire)
            name = await place.name(ends)
            secrets += tuple(name.values())
            told = await self._wire.get(place.page(model), ends, name)
            if told.status != 200:
                raise answered(told, *secrets)
            return
        except Exception as error:  # aiohttp, ssl and json raise what they like
            failed = raised(error, *secrets)
        raise failed

    async def close(self) -> None:
        """Give back the sockets; may be called twice."""
        await self._wire.close()

    async def _pictures(self, job: Job, ends: float) -> Sequence[bytes]:
        try:
            async with asyncio.timeout_at(ends) as limit:
                return await asyncio.gather(*(job.read(i.key) for i in job.order.inputs))
        except TimeoutError:
            if not limit.expired():
                raise
        raise ProviderError(Kind.UPSTREAM_TIMEOUT, "the inputs were not read in time", retryable=True)

    async def _bodies(self, job: Job, pictures: Sequence[bytes]) -> Sequence[bytes]:
        """What to post, for each call."""
        try:
            return await aside(partial(request.bodies, job, pictures), sum(map(len, pictures)))
        except (ValueError, IndexError) as error:
            detail = hide(f"the order cannot be said to Google: {error}", self._account.api_key)
        raise ProviderError(Kind.BAD_REQUEST, detail)

    async def _call(self, job: Job, body: bytes, ends: float) -> Outcome | ProviderError:
        """One call. An error is given back, not raised, so that it cancels no other call."""
        secrets: tuple[str, ...] = (self._account.api_key,)
        try:
            place = self._place = self._place or find(self._account, self._wire)
            name = await place.name(ends)
            secrets += tuple(name.values())
            headers = {"Content-Type": "application/json", **request.patience(job.deadline), **name}
            told = await self._wire.post(place.address(job.model), body, headers, ends)
            if told.status != 200:
                raise answered(told, *secrets)
            return await _read(told)
        except Exception as error:  # aiohttp, ssl and json raise what they like
            return raised(error, *secrets)


async def _read(told: Answer) -> Outcome:
    return await aside(partial(answer.outcome, told), len(told.body))
