"""Which addresses may be called at all: judged by answers of the name server, never by spelling."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.egress import CALLBACK, FETCH, EgressRefused, Policy, parse
from runtime.http import fetch, post
from tests.runtime.egress_corpus import OPEN, PUBLIC, URLS, canary, resolve

ROOT = Path(__file__).resolve().parents[2]
OWN = frozenset({"own.example.com"})


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
