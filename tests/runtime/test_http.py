"""The guarded client against servers that lie, drip, redirect and point inwards."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from runtime import http
from runtime.egress import CALLBACK, FETCH, EgressRefused, Policy
from runtime.http import fetch, post
from tests.runtime.egress_corpus import NAMES, PUBLIC, URLS, Authority, canary

ROOT = Path(__file__).resolve().parents[2]
OWN = frozenset({"own.example.com"})
PNG = b"\x89PNG and the rest"


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


# ---- the wire --------------------------------------------------------------------------------


@dataclass
class Upstream:
    """A TLS server on loopback that answers for a public name, and what it saw."""

    port: int
    policy: Policy
    requests: list[web.BaseRequest] = field(default_factory=list)
    lookups: list[str] = field(default_factory=list)

    def url(self, path: str = "/", host: str = "ok.example.com") -> str:
        return f"https://{host}:{self.port}{path}"


Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def upstream(
    authority: Authority, handler: Handler, purpose: Policy = FETCH, *, answers=None, **changes
):
    """`answers` maps a name to the addresses of its lookups, one list per lookup, the last one for good."""
    seen: Upstream

    async def observe(request: web.BaseRequest) -> web.StreamResponse:
        seen.requests.append(request)
        return await handler(request)

    async def looked_up(host: str, port: int) -> list[str]:
        seen.lookups.append(host)
        lists = (answers or {}).get(host) or [["127.0.0.1"]]
        return lists[min(seen.lookups.count(host), len(lists)) - 1]

    runner = web.ServerRunner(web.Server(observe), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=authority.server("ok.example.com", "127.0.0.1"))
    await site.start()
    port = runner.addresses[0][1]
    policy = replace(
        purpose,
        resolve=looked_up,
        ca_file=str(authority.file),
        test_endpoints=frozenset({("127.0.0.1", port)}),
        **changes,
    )
    seen = Upstream(port, policy)
    try:
        yield seen
    finally:
        await runner.cleanup()


async def picture(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(body=PNG, content_type="image/png")


def outcome(authority: Authority, handler: Handler, **changes) -> str:
    """The word a fetch of this handler's answer ends with."""

    async def journey() -> str:
        async with upstream(authority, handler, **changes) as server:
            try:
                await fetch(server.url(), server.policy)
            except EgressRefused as refused:
                return refused.reason
            return "fetched"

    return asyncio.run(journey())


def test_an_image_is_fetched_from_the_checked_address_under_its_own_name(authority: Authority) -> None:
    async def journey() -> None:
        async with upstream(authority, picture) as server:
            found = await fetch(server.url("/a.png?x=1#y"), server.policy)
            assert (found.data, found.mime) == (PNG, "image/png")
            assert found.url == server.url("/a.png?x=1")
            [request] = server.requests
            assert request.headers["Host"] == f"ok.example.com:{server.port}"
            assert request.headers["Accept-Encoding"] == "identity"
            assert not {"Authorization", "Cookie", "Proxy-Authorization"} & set(request.headers)
            assert server.lookups == ["ok.example.com"]

    asyncio.run(journey())


def test_a_certificate_for_another_name_is_not_accepted(authority: Authority) -> None:
    async def journey() -> None:
        async with upstream(authority, picture) as server:
            with pytest.raises(EgressRefused, match="fetch_failed"):
                await fetch(server.url(host="other.example.com"), server.policy)
            assert server.requests == []

    asyncio.run(journey())


def test_a_name_that_is_rebound_after_the_check_is_not_looked_up_again(authority: Authority) -> None:
    async def journey() -> None:
        rebound = {"ok.example.com": [["127.0.0.1"], ["10.0.0.1"]]}
        async with upstream(authority, picture, answers=rebound) as server:
            await fetch(server.url(), server.policy)
            assert server.lookups == ["ok.example.com"]
            with pytest.raises(EgressRefused, match="url_not_allowed"):
                await fetch(server.url(), server.policy)
            assert len(server.requests) == 1

    asyncio.run(journey())


def test_one_bad_address_among_good_ones_refuses_them_all(authority: Authority) -> None:
    async def journey() -> None:
        async with upstream(authority, picture, answers={"ok.example.com": [["127.0.0.1", "::1"]]}) as server:
            with pytest.raises(EgressRefused, match="url_not_allowed"):
                await fetch(server.url(), server.policy)
            assert server.requests == []

    asyncio.run(journey())


def test_a_connection_that_ends_elsewhere_is_dropped_before_the_request(authority: Authority) -> None:
    async def journey() -> None:
        async with upstream(authority, picture) as server:
            strict = replace(server.policy, test_endpoints=frozenset())
            connector = http._Connector(("127.0.0.1",), strict)
            async with aiohttp.ClientSession(connector=connector) as session:
                with pytest.raises(EgressRefused, match="url_not_allowed"):
                    await session.get(server.url())
            assert server.requests == []

    asyncio.run(journey())


def test_a_proxy_in_the_environment_is_ignored(authority: Authority, monkeypatch) -> None:
    async def journey() -> int:
        async with canary() as bird, upstream(authority, picture) as server:
            for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{bird.port}")
            assert (await fetch(server.url(), server.policy)).data == PNG
            return bird.visits

    assert asyncio.run(journey()) == 0


def hops(*locations: str) -> Handler:
    """Redirects to each location in turn (`{port}` is the server's own), then an image."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        step = int(request.query.get("step", 0))
        if step == len(locations):
            return await picture(request)
        location = locations[step].format(port=request.url.port, step=step + 1)
        return web.Response(status=302, headers={"Location": location, "Set-Cookie": "a=b"})

    return answer


def test_three_redirects_are_followed_each_looked_up_anew_and_no_cookie_returns(authority: Authority) -> None:
    async def journey() -> None:
        chain = hops(
            "/b?step={step}", "//ok.example.com:{port}/c?step={step}", "https://127.0.0.1:{port}/?step={step}"
        )
        async with upstream(authority, chain) as server:
            found = await fetch(server.url(), server.policy)
            assert found.data == PNG
            assert found.url == server.url("/?step=3", host="127.0.0.1")
            assert server.lookups == ["ok.example.com"] * 3
            assert not any("Cookie" in request.headers for request in server.requests)

    asyncio.run(journey())


def test_a_fourth_redirect_is_one_too_many(authority: Authority) -> None:
    assert outcome(authority, hops(*["/?step={step}"] * 4)) == "fetch_failed"


@pytest.mark.parametrize(
    "location", ["http://ok.example.com:{port}/?step={step}", "ftp://ok.example.com/", "//[::1/"]
)
def test_a_redirect_never_leaves_https(authority: Authority, location: str) -> None:
    assert outcome(authority, hops(location)) == "url_not_allowed"


@pytest.mark.parametrize(
    "template", [url for url in URLS if url.startswith("https://") and url.isascii() and url.isprintable()]
)
def test_a_redirect_to_a_forbidden_address_is_refused(authority: Authority, template: str) -> None:
    async def journey() -> tuple[str, int]:
        async with canary() as bird:
            target = template.format(port=bird.port)
            answers = {name: [addresses] for name, addresses in NAMES.items() if name != "ok.example.com"}
            handler = redirect_to(target)
            async with upstream(authority, handler, answers=answers, own_hosts=OWN) as server:
                policy = replace(server.policy, ports=FETCH.ports | {bird.port})
                with pytest.raises(EgressRefused) as caught:
                    await fetch(server.url(), policy)
            return caught.value.reason, bird.visits

    reason, visits = asyncio.run(journey())
    assert visits == 0
    assert reason in ("url_not_allowed", "fetch_failed")


def redirect_to(target: str) -> Handler:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": target})

    return answer


def stream(chunk: bytes, count: int, pause: float = 0.0, **headers: str) -> Handler:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        for _ in range(count):
            await response.write(chunk)
            await asyncio.sleep(pause)
        return response

    return answer


def fixed(status: int = 200, body: bytes = PNG, **headers: str) -> Handler:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers=headers)

    return answer


def test_a_body_that_is_too_large_is_refused_declared_or_not(authority: Authority) -> None:
    assert outcome(authority, fixed(body=b"x" * 1000), max_bytes=1000) == "fetched"
    assert outcome(authority, fixed(body=b"x" * 1001), max_bytes=1000) == "too_large"
    assert outcome(authority, stream(b"x" * 100, 11), max_bytes=1000) == "too_large"


def test_a_body_that_drips_ends_at_the_deadline(authority: Authority) -> None:
    assert outcome(authority, stream(b"x", 1000, pause=0.05), total=0.5) == "timeout"


def test_a_server_that_never_answers_ends_at_the_deadline(authority: Authority) -> None:
    async def silent(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    assert outcome(authority, silent, total=0.5) == "timeout"


def test_a_name_server_that_never_answers_is_a_failure(authority: Authority, monkeypatch) -> None:
    async def slow(host: str, port: int) -> list[str]:
        await asyncio.sleep(30)
        return [PUBLIC]

    monkeypatch.setattr(http, "DNS_SECONDS", 0.1)
    with pytest.raises(EgressRefused, match="fetch_failed"):
        asyncio.run(fetch("https://ok.example.com/", replace(FETCH, resolve=slow)))


@pytest.mark.parametrize("status", [201, 204, 206, 300, 304, 400, 401, 404, 500, 503])
def test_anything_but_a_plain_200_is_no_image(authority: Authority, status: int) -> None:
    assert outcome(authority, fixed(status)) == "fetch_failed"


def test_an_encoded_body_is_refused_and_never_inflated(authority: Authority) -> None:
    assert outcome(authority, fixed(**{"Content-Encoding": "gzip"})) == "fetch_failed"
    assert outcome(authority, fixed(**{"Content-Encoding": "identity"})) == "fetched"


def test_endless_headers_are_refused(authority: Authority) -> None:
    many = {f"X-{number}": "a" for number in range(150)}
    long = {f"X-{number}": "a" * 4000 for number in range(10)}
    assert outcome(authority, fixed(**many)) == "fetch_failed"
    assert outcome(authority, fixed(**long)) == "too_large"


def test_a_body_shorter_than_declared_is_a_failure(authority: Authority) -> None:
    async def cut(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"x" * 10)
        request.transport.abort()
        return response

    assert outcome(authority, cut) == "fetch_failed"


def test_a_port_where_nobody_listens_is_a_failure() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        policy = replace(FETCH, test_endpoints=frozenset({("127.0.0.1", port)}))
        with pytest.raises(EgressRefused, match="fetch_failed"):
            asyncio.run(fetch(f"https://127.0.0.1:{port}/", policy))


def test_the_customers_words_name_no_address_and_the_operators_do() -> None:
    with pytest.raises(EgressRefused) as caught:
        asyncio.run(fetch("https://10.0.0.1/", FETCH))
    assert caught.value.reason == "url_not_allowed"
    assert "10.0.0.1" in caught.value.detail


# ---- callbacks -------------------------------------------------------------------------------


def test_a_callback_posts_the_body_as_it_is_and_tells_what_came_back(authority: Authority) -> None:
    received: list[bytes] = []

    async def receiver(request: web.BaseRequest) -> web.StreamResponse:
        received.append(await request.read())
        return web.Response(status=202, text="thanks")

    async def journey() -> None:
        async with upstream(authority, receiver, CALLBACK) as server:
            headers = {
                "Content-Type": "application/json",
                "User-Agent": "Easel-Callbacks/1",
                "webhook-id": "msg_1",
            }
            answer = await post(server.url("/hook"), b'{"a":1}', headers, server.policy)
            assert (answer.status, answer.excerpt) == (202, b"thanks")
            assert answer.seconds > 0
            [request] = server.requests
            assert {name: request.headers[name] for name in headers} == headers
            assert received == [b'{"a":1}']

    asyncio.run(journey())


def test_a_callback_follows_no_redirect(authority: Authority) -> None:
    async def journey() -> None:
        async with upstream(authority, hops("/?step={step}"), CALLBACK) as server:
            assert (await post(server.url(), b"{}", {}, server.policy)).status == 302
            assert len(server.requests) == 1

    asyncio.run(journey())


def test_of_a_long_answer_to_a_callback_only_the_beginning_is_kept(authority: Authority) -> None:
    async def journey() -> None:
        async with upstream(authority, stream(b"x" * 65536, 1000), CALLBACK) as server:
            answer = await post(server.url(), b"{}", {}, server.policy)
            assert answer.status == 200
            assert answer.excerpt == b"x" * http.EXCERPT

    asyncio.run(journey())


def test_an_answer_to_a_callback_is_never_inflated(authority: Authority) -> None:
    async def journey() -> None:
        packed = gzip.compress(b"x" * 10_000_000)
        async with upstream(
            authority, fixed(body=packed, **{"Content-Encoding": "gzip"}), CALLBACK
        ) as server:
            assert (await post(server.url(), b"{}", {}, server.policy)).excerpt == packed[: http.EXCERPT]

    asyncio.run(journey())


def test_a_callback_that_drips_ends_at_the_deadline(authority: Authority) -> None:
    async def journey() -> None:
        async with upstream(authority, stream(b"x", 1000, pause=0.05), CALLBACK, total=0.5) as server:
            with pytest.raises(EgressRefused, match="timeout"):
                await post(server.url(), b"{}", {}, server.policy)

    asyncio.run(journey())
