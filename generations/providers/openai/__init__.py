"""The engine `openai`: any server that speaks OpenAI's Images API.

    OpenAI(account)     one channel, in one event loop
    .generate(job)      an `Order` as one POST for `job.count` images
    .probe(model, ...)  whether the upstream takes our key and lists the model, free of charge
    .close()            gives back the sockets

`request` says what we ask, `answer` what came, `failures` what went wrong, `shapes` which of an
upstream's sizes stands for a size of the catalogue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from yarl import URL

from generations.errors import ProviderError
from generations.provider import Account, Job
from generations.provider.failures import Unusable, raised
from generations.provider.wire import Answer, Wire, aside, origin
from generations.providers.openai import answer, request, shapes
from generations.providers.openai.failures import answered, refusal
from generations.spec import Image, Kind, Outcome

OPENAI = "https://api.openai.com/v1"


class OpenAI:
    """Images by `/images/generations`, or `/images/edits` for an order with pictures.

    Takes the channel's account: an API key, a base URL when it is not OpenAI's own (with its version,
    as OpenAI's clients take it), and the option `sizes`, which lists the only sizes that the upstream
    draws (`1024x1024,1536x1024`) where the model's name does not tell.
    """

    name = "openai"

    def __init__(self, account: Account) -> None:
        self._account = account
        self._wire = Wire()

    async def generate(self, job: Job) -> Outcome:
        """Images in `job.deadline` seconds, of the ordered ratio.

        Raises ProviderError. A block is a `Refusal` part; `lost` counts images that did not come.
        Errors of `job.read` pass as they are.
        """
        ends = asyncio.get_running_loop().time() + job.deadline
        pictures = await self._pictures(job, ends)
        try:
            return await self._ask(job, pictures, ends)
        except Exception as error:  # aiohttp, ssl and json raise what they like
            failed = raised(error, self._account.api_key)
        raise failed

    async def probe(self, model: str, deadline: float) -> None:
        """Reads the list of models; an upstream without one tells with its key alone."""
        ends = asyncio.get_running_loop().time() + deadline
        try:
            told = await self._wire.get(URL(f"{self._base()}/models"), ends, self._name())
            if told.status != 200:
                raise answered(told, self._account.api_key)
            answer.require_listed(told, model)
            return
        except Exception as error:  # aiohttp, ssl and json raise what they like
            failed = raised(error, self._account.api_key)
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

    async def _ask(self, job: Job, pictures: Sequence[bytes], ends: float) -> Outcome:
        base, size = self._base(), shapes.asked(job, self._account.option("sizes"))
        told = await self._post(base, job, request.fields(job, size), pictures, ends)
        if told.status != 200:
            if refused := refusal(told):
                return Outcome((refused,), finish_reason=refused.category)
            raise answered(told, self._account.api_key)
        found = await aside(partial(answer.read, told), len(told.body))
        files = [await answer.fetch(file, URL(base), self._wire, ends) for file in found.files]
        if job.exact and not shapes.alike(size, (job.size.width, job.size.height)):
            files = await asyncio.gather(*(asyncio.to_thread(shapes.cut, file, job.size) for file in files))
        lost = max(job.count - len(files), 0)
        return Outcome(tuple(Image(f, "image/png") for f in files), found.usage, found.request_id, "", lost)

    async def _post(
        self, base: str, job: Job, fields: request.Fields, pictures: Sequence[bytes], ends: float
    ) -> Answer:
        headers = self._name()
        if job.order.inputs:
            form = request.form(job.order, fields, pictures)
            return await self._wire.post(URL(f"{base}/images/edits"), form, headers, ends)
        headers["Content-Type"] = "application/json"
        return await self._wire.post(URL(f"{base}/images/generations"), request.body(fields), headers, ends)

    def _name(self) -> dict[str, str]:
        """The header that says who asks."""
        return {"Authorization": f"Bearer {self._account.api_key.strip()}"}

    def _base(self) -> str:
        """Raises Unusable for an account that cannot be called."""
        if not self._account.api_key.strip():
            raise Unusable("the channel has no API key")
        try:
            return origin(self._account.base_url, OPENAI)
        except ValueError as error:
            raise Unusable(str(error)) from None
