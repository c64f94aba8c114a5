"""Somebody's web server with pictures, on loopback: the only thing here that is not ours."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from aiohttp import web
from django.conf import settings

from tests.runtime.egress_corpus import NAMES

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass
class Site:
    """Where it listens, and what it was asked for."""

    port: int = 0
    scheme: str = "http"
    asked: list[str] = field(default_factory=list)
    now: int = 0
    most: int = 0

    def url(self, path: str = "/a.png", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"


@asynccontextmanager
async def site(
    handler: Handler, monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Site]:
    """A site that this installation may fetch from, as `EASEL_TEST_EGRESS` would allow."""
    here = Site(scheme="https" if tls else "http")

    async def observed(request: web.BaseRequest) -> web.StreamResponse:
        here.asked.append(request.path_qs)
        here.now += 1
        here.most = max(here.most, here.now)
        try:
            return await handler(request)
        finally:
            here.now -= 1

    runner = web.ServerRunner(web.Server(observed), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    here.port = runner.addresses[0][1]
    easel = replace(settings.EASEL, test_egress=(("127.0.0.1", here.port),))
    with monkeypatch.context() as patched:
        patched.setattr(settings, "EASEL", easel)
        yield here
    await runner.cleanup()


def answering(data: bytes, mime: str = "image/png") -> Handler:
    """A handler that always answers the same."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=data, content_type=mime)

    return handler


def redirecting(location: str) -> Handler:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": location})

    return handler


class Names:
    """What name servers answer, instead of the real ones: one list of addresses per lookup, the last
    one for good."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: Sequence[Sequence[str]]) -> None:
        self.lookups: list[str] = []
        self.answers = {host: [found] for host, found in NAMES.items()} | {
            name.replace("_", "."): list(lists) for name, lists in answers.items()
        }
        monkeypatch.setattr("socket.getaddrinfo", self.getaddrinfo)

    def getaddrinfo(self, host: str, port: int, *args: object, **options: object) -> list[tuple[object, ...]]:
        self.lookups.append(host)
        lists = self.answers.get(host)
        if lists is None:
            raise OSError(f"no such name: {host}")
        addresses = lists[min(self.lookups.count(host), len(lists)) - 1]
        return [(0, 0, 0, "", (address, port)) for address in addresses]
