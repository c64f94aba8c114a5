"""Customers' receivers at the wire: real TLS servers on loopback, told how to misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme
from aiohttp import web
from standardwebhooks import Webhook

NAMES = ("127.0.0.1", "ok.example.com", "*.example.com")
Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Authority:
    """A certificate authority of this test run, and the file that makes a client trust it."""

    ca: trustme.CA
    file: Path

    @classmethod
    def made(cls, folder: Path) -> Authority:
        ca, file = trustme.CA(), folder / "ca.pem"
        ca.cert_pem.write_to_path(str(file))
        return cls(ca, file)


@dataclass(frozen=True)
class Arrived:
    """One request as it came: everything that the contract speaks of."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def verified(self, secret: str) -> Any:
        """The JSON body, if the official verifier accepts it under this secret."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """A server that notes what arrives and answers as its `answer` says."""

    port: int = 0
    answer: Answer = field(default_factory=lambda: status(200))
    arrived: list[Arrived] = field(default_factory=list)

    def url(self, path: str = "/hook", host: str = "ok.example.com") -> str:
        return f"https://{host}:{self.port}{path}"

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        self.arrived.append(Arrived(request.method, request.path, dict(request.headers), body))
        return await self.answer(request)

    @property
    def told(self) -> list[dict[str, Any]]:
        """The bodies, in the order of their arrival."""
        return [json.loads(one.body) for one in self.arrived]

    @property
    def ids(self) -> list[str]:
        """The ids of the messages, in the order of their arrival."""
        return [one.headers["webhook-id"] for one in self.arrived]


@contextlib.contextmanager
def receiver(authority: Authority, *names: str) -> Iterator[Receiver]:
    """A receiver in a thread of its own, with a certificate for these names."""
    seen, loop, ready = Receiver(), asyncio.new_event_loop(), threading.Event()

    async def serve() -> web.ServerRunner:
        runner = web.ServerRunner(web.Server(seen.handle), shutdown_timeout=0.1)
        await runner.setup()
        context = _context(authority, *(names or NAMES))
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        seen.port = runner.addresses[0][1]
        ready.set()
        return runner

    def live() -> None:
        runner = loop.run_until_complete(serve())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=live, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield seen
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def _context(authority: Authority, *names: str) -> Any:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.ca.issue_cert(*names).configure_cert(context)
    return context


# ---- ways to answer ----------------------------------------------------------------------------


def status(code: int, body: bytes = b"", **headers: str) -> Answer:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=code, body=body, headers=headers)

    return answer


def in_turn(*answers: Answer) -> Answer:
    """One after the other, the last one for good."""
    left = list(answers)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return await (left.pop(0) if len(left) > 1 else left[0])(request)

    return answer


def after(seconds: float, then: Answer) -> Answer:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await then(request)

    return answer


async def hang(request: web.BaseRequest) -> web.StreamResponse:
    """Never."""
    await asyncio.Event().wait()
    raise AssertionError


async def drip(request: web.BaseRequest) -> web.StreamResponse:
    """A 200 whose body never ends, a byte at a time."""
    response = web.StreamResponse()
    await response.prepare(request)
    while _listens(request):
        await response.write(b".")
        await asyncio.sleep(0.2)
    return response


async def flood(request: web.BaseRequest) -> web.StreamResponse:
    """A 200 whose body never ends, as fast as it goes."""
    response = web.StreamResponse()
    await response.prepare(request)
    while _listens(request):
        await response.write(b"x" * 65536)
        await asyncio.sleep(0)
    return response


def _listens(request: web.BaseRequest) -> bool:
    return request.transport is not None and not request.transport.is_closing()
