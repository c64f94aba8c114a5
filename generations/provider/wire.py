"""How an engine reaches its upstream: one POST, bounded in time and bytes, sent once.

    Wire()              the sockets of one engine in one event loop
    .post(url, ...)     the whole answer, whatever its status
    aside(block)        a block of heavy work, beside the event loop
    parsed(body)        JSON that is neither broken nor a bomb

No proxy, cookie, netrc or redirect has a say: a redirect would carry the key to another host.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from generations.provider.failures import Malformed

T = TypeVar("T")

LONGEST_ANSWER = 40 * 1024 * 1024  # bytes
READ_BUFFER = 1024 * 1024  # bytes
CONNECT_SECONDS = 5.0
DEEPEST = 32
"""Levels of lists and objects in an answer; the documented ones have nine."""
HEAVY = 1024 * 1024
"""Bytes from which reading or writing a body is left to a thread."""
THREADS = 2


class TooLong(aiohttp.ClientPayloadError):
    """An answer longer than any picture needs."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def media(self) -> str:
        """The type it claims: lower case, without parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


class Wire:
    """The sockets of one engine, as many as there are calls. Made and closed in one event loop."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self, url: URL, data: bytes | aiohttp.FormData, headers: Mapping[str, str], ends: float
    ) -> Answer:
        """Post once; read at most `LONGEST_ANSWER` bytes, until `ends` (the loop's time). Raises
        TimeoutError, TooLong, and what aiohttp raises."""
        async with asyncio.timeout_at(ends):
            async with self._open().post(url, data=data, headers=headers, allow_redirects=False) as response:
                return Answer(response.status, response.headers, await _whole(response))

    async def get(self, url: URL, ends: float, headers: Mapping[str, str] | None = None) -> Answer:
        """The same for a page; what an answer points to is fetched without any header of ours."""
        async with asyncio.timeout_at(ends):
            async with self._open().get(url, headers=headers, allow_redirects=False) as response:
                return Answer(response.status, response.headers, await _whole(response))

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                read_bufsize=READ_BUFFER,
                headers={"Accept-Encoding": "identity"},  # base64 of a packed picture packs no further
                trust_env=False,
            )
        return self._session

    async def close(self) -> None:
        """Give back the sockets; may be called twice."""
        session, self._session = self._session, None
        if session:
            await session.close()


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    """The body, unless it grows too long."""
    chunks, length = [], 0
    async for chunk, _ in response.content.iter_chunks():  # as they come: joined once, not twice
        chunks.append(chunk)
        length += len(chunk)
        if length > LONGEST_ANSWER:
            raise TooLong(f"the answer is longer than {LONGEST_ANSWER} bytes")
    return b"".join(chunks)


def origin(base_url: str, usual: str) -> str:
    """A base URL without its last slash; `usual` where there is none. Raises ValueError when it is no
    http(s) address."""
    base = base_url.rstrip("/") or usual
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"the channel's base URL is no http(s) address: {base_url[:200]!r}")
    return base


def parsed(body: bytes, packed: str = "") -> Any:
    """The JSON of a body. The long texts of the field named `packed` come as bytes: base64 of a picture
    needs no reading letter by letter, only decoding. Raises Malformed when the JSON is broken or nested
    deeper than any answer is."""
    rest, texts = _lifted(body, packed.encode()) if packed and len(body) > LONG else (body, [])
    try:
        read = json.loads(rest)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"broken JSON: {type(error).__name__}: {error}") from None
    level, depth = [read], 1
    while level := [item for value in level for item in _inside(value, packed, texts)]:
        depth += 1
        if depth > DEEPEST:
            raise Malformed("JSON nested too deep")
    return read


def _inside(value: Any, packed: str, texts: Sequence[bytes]) -> list[Any]:
    """The lists and objects right inside of one. Puts a lifted text back into its place."""
    if isinstance(value, list):
        return [item for item in value if isinstance(item, dict | list)]
    if not isinstance(value, dict):
        return []
    if texts and isinstance(mark := value.get(packed), str) and (found := _MARK.fullmatch(mark)):
        value[packed] = texts[int(found[1])] if int(found[1]) < len(texts) else mark
    return [item for item in value.values() if isinstance(item, dict | list)]


LONG = 64 * 1024
_OPENS = re.compile(rb'\s*:\s*"')
_MARK = re.compile("\0text ([0-9]{1,4})")


def _lifted(body: bytes, field: bytes) -> tuple[bytes, list[bytes]]:
    """The JSON with a mark in the place of each long, plainly written text of a field; and the texts."""
    name, texts, pieces, kept, at = b'"' + field + b'"', list[bytes](), list[bytes](), 0, 0
    while (at := body.find(name, at)) >= 0:
        at += len(name)
        if opens := _OPENS.match(body, at):
            start, at = opens.end(), body.find(b'"', opens.end())
            if at - start > LONG and body.find(b"\\", start, at) < 0:
                pieces += [body[kept:start], b"\\u0000text %d" % len(texts)]
                texts.append(body[start:at])
                kept = at
            at = max(at, start)
    return b"".join([*pieces, body[kept:]]), texts


# ---- heavy work ------------------------------------------------------------------------------

_threads: ThreadPoolExecutor | None = None


async def aside(block: Callable[[], T], size: int = HEAVY) -> T:
    """Run a block that works on `size` bytes: in a thread if they are many, else right here."""
    global _threads
    if size < HEAVY:
        return block()
    if _threads is None:
        _threads = ThreadPoolExecutor(THREADS, thread_name_prefix="upstream")
    return await asyncio.get_running_loop().run_in_executor(_threads, block)


def _forget() -> None:
    """A forked child must not share its parent's threads."""
    global _threads
    _threads = None


os.register_at_fork(after_in_child=_forget)
