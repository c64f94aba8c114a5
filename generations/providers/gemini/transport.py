"""How we reach Google: the official client, told everything, so that it asks no environment."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import aiohttp
from google import genai
from google.genai import types
from google.genai.client import DebugConfig

from generations.provider import Account

GOOGLE = "https://generativelanguage.googleapis.com"
VERSION = "v1beta"
LONGEST_ANSWER = 40 * 1024 * 1024  # bytes
READ_BUFFER = 1024 * 1024  # bytes


class TooLong(aiohttp.ClientPayloadError):
    """An answer longer than any picture needs."""


class Response(aiohttp.ClientResponse):
    """An answer that stops being read once it is longer than any picture needs."""

    async def read(self) -> bytes:
        if self._body is None:
            try:
                self._body = await self._whole()
            except BaseException:  # cancelled calls too must not leave a half-read socket
                self.close()
                raise
        return await super().read()

    async def _whole(self) -> bytes:
        chunks, length = [], 0
        async for chunk in self.content.iter_any():
            chunks.append(chunk)
            length += len(chunk)
            if length > LONGEST_ANSWER:
                raise TooLong(f"the answer is longer than {LONGEST_ANSWER} bytes")
        return b"".join(chunks)


def open_session() -> aiohttp.ClientSession:
    """Sockets of the running event loop, as many as there are calls, without proxies or netrc."""
    connector = aiohttp.TCPConnector(limit=0)
    return aiohttp.ClientSession(connector=connector, response_class=Response, read_bufsize=READ_BUFFER)


def open_client(account: Account, session: aiohttp.ClientSession) -> genai.Client:
    """A client of the Gemini API over `session`. Raises ValueError for a key or URL it cannot use.

    The client reads key, endpoint, version, Vertex mode and replay mode from the environment
    wherever it is not told, and sends a request again after a lost connection unless it is told
    to try once. A redirect would carry the key to another host.
    """
    if not account.api_key.strip():
        raise ValueError("the channel has no API key")
    # It chooses a transport that we never use, and breaks the client where that is not installed.
    os.environ.pop("GOOGLE_GENAI_HTTP_CLIENT", None)
    return genai.Client(
        api_key=account.api_key,
        vertexai=False,
        debug_config=DebugConfig(client_mode=None, replays_directory=None, replay_id=None),
        http_options=types.HttpOptions(
            base_url=_base(account.base_url),
            api_version=VERSION,
            retry_options=types.HttpRetryOptions(attempts=1),
            aiohttp_client=session,
            async_client_args={"allow_redirects": False},
        ),
    )


def _base(url: str) -> str:
    """The base URL without the version, which the client appends itself; Google's own if empty."""
    base = url.rstrip("/").removesuffix(f"/{VERSION}") or GOOGLE
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"the channel's base URL is no http(s) address: {url[:200]!r}")
    return base
