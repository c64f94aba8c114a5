"""The engine `gemini`: Google's image models through the Gemini API.

    Gemini(account)     one channel, in one event loop
    .generate(job)      an `Order` as `job.count` calls at once, their answers as one `Outcome`
    .close()            gives back the sockets

`request` says what we ask, `answer` what came, `failures` what went wrong, `transport` how we get
there. One call makes one picture: Google's image models refuse to make several candidates.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import aiohttp
from google import genai
from google.genai import types

from generations.errors import ProviderError
from generations.provider import Account, Job
from generations.providers.gemini import answer, request, transport
from generations.providers.gemini.failures import failure, hide
from generations.spec import Kind, Outcome

log = logging.getLogger(__name__)

HEAVY = 256 * 1024  # characters; reading more than this is left to a thread


class Gemini:
    """Google's image models, one call per picture, all calls of a job at once.

    Takes the channel's account (key, and a base URL when it is not Google's own).
    """

    name = "gemini"

    def __init__(self, account: Account) -> None:
        self._account = account
        self._session: aiohttp.ClientSession | None = None
        self._client: genai.Client | None = None

    async def generate(self, job: Job) -> Outcome:
        """`job.count` calls in `job.deadline` seconds, each for one picture.

        Raises ProviderError when no call brought anything; of several calls, what was drawn is
        delivered and `finish_reason` names what failed. Google may draw more than it was asked:
        the caller drops and notes what is over. Errors of `job.read` pass as they are.
        """
        ends = asyncio.get_running_loop().time() + job.deadline
        client = self._open()
        pictures = await self._pictures(job, ends)
        said, settings = self._request(job, pictures)
        calls = (self._call(client, job.model, said, config, ends) for config in settings)
        results = await asyncio.gather(*calls)
        for lost in (r for r in results if isinstance(r, ProviderError)):
            log.warning("gemini: channel %s: %s: %s", self._account.channel, lost.kind, lost.detail)
        return answer.merge(results)

    async def close(self) -> None:
        """Give back the sockets; may be called twice."""
        client, session = self._client, self._session
        self._client = self._session = None
        if client:
            await client.aio.aclose()
            client.close()
        if session:
            await session.close()

    def _open(self) -> genai.Client:
        """The client, kept: one that nobody holds closes itself."""
        if self._client is None:
            self._session = self._session or transport.open_session()
            try:
                self._client = transport.open_client(self._account, self._session)
            except (ValueError, ImportError) as error:
                raise failure(error, self._account.api_key) from None
        return self._client

    async def _pictures(self, job: Job, ends: float) -> Sequence[bytes]:
        try:
            async with asyncio.timeout_at(ends) as limit:
                return await asyncio.gather(*(job.read(i.key) for i in job.order.inputs))
        except TimeoutError:
            if not limit.expired():
                raise
        raise ProviderError(Kind.UPSTREAM_TIMEOUT, "the inputs were not read in time", retryable=True)

    def _request(
        self, job: Job, pictures: Sequence[bytes]
    ) -> tuple[list[types.Content], list[types.GenerateContentConfig]]:
        """What to send, once for all calls, and each call's settings."""
        try:
            numbers = range(job.count)
            settings = [request.settings(job, number, job.deadline) for number in numbers]
            return request.contents(job.order, pictures), settings
        except (ValueError, IndexError) as error:
            detail = hide(f"the order cannot be said to Google: {error}", self._account.api_key)
        raise ProviderError(Kind.BAD_REQUEST, detail)

    async def _call(
        self,
        client: genai.Client,
        model: str,
        said: list[types.Content],
        config: types.GenerateContentConfig,
        ends: float,
    ) -> Outcome | ProviderError:
        """One call. An error is given back, not raised, so that it cancels no other call."""
        try:
            async with asyncio.timeout_at(ends):
                sent = await client.aio.models.generate_content(model=model, contents=said, config=config)
                return await _read(sent.sdk_http_response)
        except Exception as error:  # the client, aiohttp and pydantic raise what they like
            return failure(error, self._account.api_key)


async def _read(response: types.HttpResponse | None) -> Outcome:
    if response is None:
        raise answer.Malformed("the client gave no response")
    body, headers = response.body or "", response.headers or {}
    if len(body) < HEAVY:
        return answer.outcome(body, headers)
    return await asyncio.to_thread(answer.outcome, body, headers)
