"""Guarded HTTP: the only code that opens a connection to an address that a customer chose.

The name is resolved once, every answer must pass the policy, and the connection goes to exactly
the addresses that were checked. Each redirect starts again from the top.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urljoin

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from runtime.egress import CALLBACK, FETCH, EgressRefused, Policy, Reason, Target, not_allowed, parse

MAX_HEADERS = 100
MAX_HEADER_BYTES = 32 * 1024
DNS_SECONDS = 3.0
TRIED_ADDRESSES = 3
EXCERPT = 4096  # bytes of a callback's answer that its owner may read
USER_AGENT = "Easel/1"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


async def _checked_addresses(target: Target, policy: Policy) -> tuple[str, ...]:
    """The addresses of the target, looked up once. One that is not permitted refuses them all."""
    answers: Sequence[str] = [target.host]
    if not target.literal:
        try:
            async with asyncio.timeout(DNS_SECONDS):
                answers = await policy.resolve(target.host, target.port)
        except (OSError, UnicodeError) as error:  # TimeoutError and gaierror among them
            raise EgressRefused(Reason.FETCH_FAILED, f"lookup: {error!r}") from None
    addresses = tuple(dict.fromkeys(answers))
    if not addresses:
        raise EgressRefused(Reason.FETCH_FAILED, "lookup: no address")
    for address in addresses:
        if not policy.permits(address, target.port):
            raise not_allowed(f"address {address} port {target.port}")
    return addresses[:TRIED_ADDRESSES]


class _Pinned(AbstractResolver):
    """Answers with the checked addresses, whatever the name: no second lookup can differ."""

    def __init__(self, addresses: tuple[str, ...]) -> None:
        self.addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host=address, port=port, proto=0, flags=socket.AI_NUMERICHOST,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
            )
            for address in self.addresses
        ]  # fmt: skip

    async def close(self) -> None:
        """Nothing is held."""


class _Connector(aiohttp.TCPConnector):
    """One connection to a checked address, never reused. What was connected is checked again
    before a byte of the request is sent."""

    def __init__(self, addresses: tuple[str, ...], policy: Policy) -> None:
        super().__init__(
            resolver=_Pinned(addresses),
            use_dns_cache=False,
            force_close=True,
            happy_eyeballs_delay=None,
            ssl=_tls(policy.ca_file),
        )
        self._policy = policy

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[aiohttp.tracing.Trace], timeout: aiohttp.ClientTimeout
    ) -> aiohttp.connector.Connection:
        connection = await super().connect(req, traces, timeout)
        peer = connection.transport.get_extra_info("peername") if connection.transport else None
        if peer is None or not self._policy.permits(peer[0], peer[1]):
            connection.close()
            raise not_allowed(f"connected to {peer}")
        return connection


@lru_cache(maxsize=4)
def _tls(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@asynccontextmanager
async def _answer(
    method: str, url: str, policy: Policy, headers: Mapping[str, str], body: bytes | None = None
) -> AsyncIterator[tuple[Target, aiohttp.ClientResponse]]:
    """One request and the head of its answer. Raises EgressRefused."""
    target = parse(url, policy)
    addresses = await _checked_addresses(target, policy)
    try:
        async with (
            aiohttp.ClientSession(
                connector=_Connector(addresses, policy),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                max_headers=MAX_HEADERS,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=policy.connect, sock_read=policy.read),
            ) as session,
            session.request(
                method,
                URL(target.url, encoded=True),
                data=body,
                allow_redirects=False,
                headers={"User-Agent": USER_AGENT, **headers, "Accept-Encoding": "identity"},
            ) as response,
        ):
            _check_head(response)
            yield target, response
    except TimeoutError:
        raise EgressRefused(Reason.TIMEOUT, f"{method} {target.host}") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise EgressRefused(Reason.FETCH_FAILED, f"{method} {target.host}: {error!r}") from None


def _check_head(response: aiohttp.ClientResponse) -> None:
    if sum(len(name) + len(value) for name, value in response.raw_headers) > MAX_HEADER_BYTES:
        raise EgressRefused(Reason.TOO_LARGE, "headers")


# ---- what callers use ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body, the type its server claims (lower case, no parameters), and where it came from."""

    data: bytes
    mime: str
    url: str


async def fetch(url: str, policy: Policy = FETCH) -> Fetched:
    """The body behind a URL, at most `policy.max_bytes`, through at most `policy.redirects` hops.

    Raises EgressRefused: `url_not_allowed`, `fetch_failed` (anything but a plain 200),
    `too_large`, `timeout`.
    """
    async with _within(policy.total):
        for _ in range(policy.redirects + 1):
            async with _answer("GET", url, policy, {"Accept": "image/*, */*;q=0.1"}) as (target, response):
                if response.status not in _REDIRECTS:
                    return await _body(target, response, policy.max_bytes)
                url = _next_hop(target, response)
        raise EgressRefused(Reason.FETCH_FAILED, "too many redirects")


@asynccontextmanager
async def _within(seconds: float) -> AsyncIterator[None]:
    # A socket timeout alone lets a server that drips a byte a second hold us for hours.
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise EgressRefused(Reason.TIMEOUT, f"{seconds:g} s in all") from None


def _next_hop(target: Target, response: aiohttp.ClientResponse) -> str:
    """The absolute URL a redirect names; `fetch` judges it like the first one."""
    try:
        hop = urljoin(target.url, response.headers.get("Location", ""))
    except ValueError:
        raise not_allowed("redirect to no URL") from None
    if target.scheme == "https" and not hop.lower().startswith("https:"):
        raise not_allowed("redirect from https to something else")
    return hop


async def _body(target: Target, response: aiohttp.ClientResponse, limit: int) -> Fetched:
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if response.status != 200 or encoding not in ("", "identity"):
        raise EgressRefused(Reason.FETCH_FAILED, f"status {response.status}, encoding {encoding!r}")
    if (response.content_length or 0) > limit:
        raise EgressRefused(Reason.TOO_LARGE, f"declared {response.content_length} bytes")
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > limit:
            raise EgressRefused(Reason.TOO_LARGE, f"more than {limit} bytes")
    return Fetched(bytes(data), response.content_type.lower(), target.url)


async def judge(url: str, policy: Policy) -> Target:
    """The URL's form and the addresses of its name today; connects nowhere. Advice only: every later
    request judges again. Raises EgressRefused: `url_not_allowed`, `fetch_failed` (the name is unknown)."""
    target = parse(url, policy)
    await _checked_addresses(target, policy)
    return target


@dataclass(frozen=True, slots=True)
class Answered:
    """What a callback's receiver said: status, the first 4 KB of its answer, seconds it took."""

    status: int
    excerpt: bytes
    seconds: float


async def post(url: str, body: bytes, headers: Mapping[str, str], policy: Policy = CALLBACK) -> Answered:
    """Post `body` once and read at most `policy.max_bytes` of the answer. No redirect is followed:
    a 3xx is a status like any other. Raises EgressRefused."""
    begun = time.monotonic()
    async with _within(policy.total), _answer("POST", url, policy, headers, body) as (_, response):
        read, excerpt = 0, b""
        async for chunk in response.content.iter_any():
            read, excerpt = read + len(chunk), (excerpt + chunk)[:EXCERPT]
            if read >= policy.max_bytes:
                break
        return Answered(response.status, excerpt, time.monotonic() - begun)
