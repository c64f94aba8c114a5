"""The guarded client against servers that lie, drip, redirect and point inwards."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from runtime import http
from runtime.egress import CALLBACK, FETCH, EgressRefused, Policy, parse
from runtime.http import fetch, post
from tests.runtime.egress_corpus import NAMES, OPEN, PUBLIC, URLS, Authority, resolve

ROOT = Path(__file__).resolve().parents[2]
OWN = frozenset({"own.example.com"})
PNG = b"\x89PNG and the rest"


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


# ---- the judgement ---------------------------------------------------------------------------


@dataclass
class Canary:
    """Listens where nobody may connect, and counts who does."""

    port: int = 0
    visits: int = 0

    async def visited(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        writer.close()


@asynccontextmanager
async def canary() -> AsyncIterator[Canary]:
    bird = Canary()
    server = await asyncio.start_server(bird.visited, "127.0.0.1", 0)
    bird.port = server.sockets[0].getsockname()[1]
    async with server:
        yield bird


async def call(purpose: str, url: str, policy: Policy) -> object:
    return await (fetch(url, policy) if purpose == "fetch" else post(url, b"{}", {}, policy))


def opened(purpose: str, port: int) -> Policy:
    """The purpose's own policy with one more port, so that nothing but the address can refuse."""
    policy = FETCH if purpose == "fetch" else CALLBACK
    return replace(policy, ports=policy.ports | {port}, resolve=resolve, own_hosts=OWN)


@pytest.mark.parametrize("purpose", ["fetch", "callback"])
@pytest.mark.parametrize("template", URLS)
def test_no_spelling_of_a_forbidden_address_is_called(purpose: str, template: str) -> None:
    async def journey() -> tuple[str, int]:
        async with canary() as bird:
            with pytest.raises(EgressRefused) as caught:
                await call(purpose, template.format(port=bird.port), opened(purpose, bird.port))
            return caught.value.reason, bird.visits

    reason, visits = asyncio.run(journey())
    assert visits == 0
    assert reason in ("url_not_allowed", "fetch_failed")
    assert reason == "url_not_allowed" or "localhost" not in template


def test_plain_http_is_for_images_and_never_for_callbacks() -> None:
    assert parse("http://ok.example.com/a.png", FETCH).port == 80
    with pytest.raises(EgressRefused, match="url_not_allowed"):
        parse("http://ok.example.com/hook", CALLBACK)


def test_what_follows_a_hash_or_hides_behind_a_dot_changes_nothing() -> None:
    target = parse("HTTPS://OK.example.com.:443/a?b=%20c#@127.0.0.1", FETCH)
    assert target.url == "https://ok.example.com:443/a?b=%20c"


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "127.1", "0", "１２７.0.0.1"]
)
def test_what_the_system_makes_of_odd_numbers_is_judged_as_what_it_is(host: str) -> None:
    answers = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    assert answers
    assert not any(FETCH.permits(answer[4][0], 443) for answer in answers)


@pytest.mark.parametrize("address", OPEN)
def test_neighbours_of_closed_networks_are_open(address: str) -> None:
    assert FETCH.permits(address, 443)


@given(st.ip_addresses())
def test_no_address_is_permitted_that_the_registries_do_not_call_global(address) -> None:
    if FETCH.permits(str(address), 443):
        assert address.is_global


@given(st.text(max_size=40), st.integers(-1, 70_000))
def test_an_address_that_is_none_is_never_permitted(text: str, port: int) -> None:
    assert not FETCH.permits(text + "x!", port)


def test_an_intranet_is_opened_by_its_network_only_and_never_this_machine_or_metadata() -> None:
    networks = tuple(
        ipaddress.ip_network(net) for net in ("10.1.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "0.0.0.0/0")
    )
    assert replace(FETCH, allow=networks[:1]).permits("10.1.2.3", 443)
    assert not replace(FETCH, allow=networks[:1]).permits("10.2.0.1", 443)
    assert not replace(FETCH, allow=networks[:1]).permits("10.1.2.3", 5432)
    for address in ("127.0.0.1", "169.254.169.254", "0.0.0.0", "100.100.100.200", "224.0.0.1"):
        assert not replace(FETCH, allow=networks).permits(address, 443)


def test_a_test_endpoint_is_one_address_and_one_port() -> None:
    policy = replace(CALLBACK, test_endpoints=frozenset({("127.0.0.1", 9443), ("127.0.0.1", 5432),
                     ("169.254.169.254", 443)}),
                     closed_ports=frozenset({5432}))  # fmt: skip
    assert policy.permits("127.0.0.1", 9443)
    for address, port in [("127.0.0.1", 9444), ("127.0.0.2", 9443), ("127.0.0.1", 443), ("127.0.0.1", 5432),
                          ("169.254.169.254", 443), ("::ffff:127.0.0.1", 9443)]:  # fmt: skip
        assert not policy.permits(address, port)
    with pytest.raises(EgressRefused):
        parse("http://127.0.0.1:9443/", policy)


def test_our_own_public_address_is_refused() -> None:
    assert not replace(FETCH, own_addresses=frozenset({PUBLIC})).permits(PUBLIC, 443)


def test_production_policies_hold_where_forbidden_addresses_really_listen() -> None:
    lines = ["ip link set lo up", f"ip addr add {PUBLIC}/32 dev lo"]
    lines += [
        f"ip addr add {ip}/32 dev lo" for ip in ("10.0.0.1", "169.254.169.254", "192.168.0.1", "100.64.0.1")
    ]
    if subprocess.run(["unshare", "-rn", "sh", "-c", " && ".join(lines)], capture_output=True).returncode:
        pytest.skip("this machine gives no network namespace to a plain user")
    lines.append(f"exec {sys.executable} -m tests.runtime.egress_in_namespace")
    ran = subprocess.run(
        ["unshare", "-rn", "sh", "-c", " && ".join(lines)],
        cwd=ROOT, env={"PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"}, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.stdout == "guarded", ran.stderr


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
