"""Who may be called: the judgement of an address that a customer chose. No connection is made here.

A URL is parsed strictly and rebuilt. The spelling of a host is never trusted (`getaddrinfo` turns
`2130706433`, `0x7f.1` and full-width digits into loopback): only addresses are judged.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from runtime.errors import RuntimeProblem

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

MAX_URL = 2048  # characters


class Reason(StrEnum):
    """All that a customer may learn; addresses and upstream words stay with us."""

    URL_NOT_ALLOWED = "url_not_allowed"
    FETCH_FAILED = "fetch_failed"
    TOO_LARGE = "too_large"
    TIMEOUT = "timeout"


class EgressRefused(RuntimeProblem):
    """A request that was not made or brought nothing. `detail` is for operators only."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ip_network(word) for word in text.split())


# Everything that the special-purpose registries list, plus a cloud's own in-band host.
_CLOSED_V4 = _networks(
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24"
    " 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15"
    " 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 168.63.129.16/32"
)
_OPEN_V6 = ip_network("2000::/3")
_CLOSED_V6 = _networks("2001::/23 2001:db8::/32 2002::/16 3fff::/20")
# Machines' own credentials live here: no setting opens these.
_METADATA = _networks(
    "169.254.0.0/16 168.63.129.16/32 100.100.100.200/32 192.0.0.192/32 fe80::/10 fd00:ec2::/32"
)


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public Internet and to nothing special."""
    if isinstance(address, IPv6Address):
        return address in _OPEN_V6 and not any(address in network for network in _CLOSED_V6)
    return not any(address in network for network in _CLOSED_V4)


def _is_metadata(address: Address) -> bool:
    return any(address in network for network in _METADATA)


def _is_intranet(address: Address) -> bool:
    """What `EASEL_EGRESS_ALLOW` may open: never this machine, a group or nobody."""
    return not (address.is_loopback or address.is_unspecified or address.is_multicast or address.is_reserved)


async def _resolve(host: str, port: int) -> Sequence[str]:
    # An own pool: a name that answers slowly holds one of its threads, longer than we wait for it.
    loop = asyncio.get_running_loop()
    answers = await loop.run_in_executor(
        _resolvers(), lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    )
    return [str(answer[4][0]) for answer in answers]


@lru_cache(maxsize=1)
def _resolvers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=64, thread_name_prefix="resolve")


os.register_at_fork(after_in_child=_resolvers.cache_clear)  # threads do not survive a fork


@dataclass(frozen=True, slots=True)
class Policy:
    """What one purpose may reach, and for how long and how much.

    `ports` are open on public addresses and on the networks of `allow` (an intranet's). Exact
    (address, port) pairs in `test_endpoints` are open too, except for `closed_ports` (our own
    servers'); the caller passes them in a test environment only. `own_hosts` and `own_addresses`
    are ourselves and refused. Limits: `max_bytes` of body, seconds in all (`total`), to `connect` and
    between two reads (`read`).
    """

    schemes: frozenset[str]
    ports: frozenset[int]
    max_bytes: int
    total: float
    connect: float = 3.0
    read: float = 5.0
    redirects: int = 0
    allow: tuple[Network, ...] = ()
    test_endpoints: frozenset[tuple[str, int]] = frozenset()
    closed_ports: frozenset[int] = frozenset()
    own_hosts: frozenset[str] = frozenset()
    own_addresses: frozenset[str] = frozenset()
    ca_file: str | None = None
    resolve: Resolve = field(default=_resolve, repr=False)

    def permits(self, text: str, port: int) -> bool:
        """Whether a connection to this address (as text) and port may be opened."""
        try:
            address = ip_address(text)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and (address.scope_id or address.ipv4_mapped):
            return False
        if _is_metadata(address):
            return False
        if self._is_test_endpoint(str(address), port):
            return True
        if port not in self.ports or str(address) in self.own_addresses:
            return False
        return is_public(address) or (_is_intranet(address) and any(address in net for net in self.allow))

    def _is_test_endpoint(self, host: str, port: int) -> bool:
        return (host, port) in self.test_endpoints and port not in self.closed_ports

    def may_use(self, port: int) -> bool:
        return port in self.ports or any(port == listed for _, listed in self.test_endpoints)

    def is_own(self, host: str, port: int) -> bool:
        return host in self.own_hosts and not self._is_test_endpoint(host, port)


# Reference images: what a customer's own web server may look like.
FETCH = Policy(
    schemes=frozenset({"https", "http"}),
    ports=frozenset({80, 443, 8443}),
    max_bytes=10 * 1024 * 1024,
    total=15.0,
    redirects=3,
)
# Callbacks: https on its own port, no redirect, all of the ten seconds to think, and nobody reads a long
# answer.
CALLBACK = Policy(
    schemes=frozenset({"https"}), ports=frozenset({443}), max_bytes=64 * 1024, total=10.0, read=10.0
)


# ---- the URL ---------------------------------------------------------------------------------

_UNSAFE = re.compile(r"[^\x21-\x7e]|\\")
_NAME = re.compile(
    r"(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+"
)
_NUMERIC = re.compile(r"0x[0-9a-f]*|[0-9]+")
_DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart and rebuilt from its parts: the only form used from here on."""

    url: str
    scheme: str
    host: str
    port: int
    literal: bool


def parse(url: str, policy: Policy) -> Target:
    """The URL's form, judged without any lookup. Raises EgressRefused(url_not_allowed)."""
    if len(url) > MAX_URL or _UNSAFE.search(url):
        raise not_allowed("too long, or a character that no URL holds")
    try:
        parts = urlsplit(url)
        port = parts.port if parts.port is not None else _DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        raise not_allowed("not a URL") from None
    if parts.scheme not in policy.schemes or "@" in parts.netloc:
        raise not_allowed("scheme or user information")
    host, literal = _host(parts.hostname or "", "[" in parts.netloc)
    if not policy.may_use(port) or policy.is_own(host, port):
        raise not_allowed("port or own host")
    shown = f"[{host}]" if ":" in host else host
    query = f"?{parts.query}" if parts.query else ""
    return Target(
        f"{parts.scheme}://{shown}:{port}{parts.path or '/'}{query}", parts.scheme, host, port, literal
    )


def _host(host: str, bracketed: bool) -> tuple[str, bool]:
    """The canonical host and whether it is an address literal. Raises EgressRefused."""
    try:
        address = ip_address(host)
    except ValueError:
        name = host.removesuffix(".")
        if bracketed or not _NAME.fullmatch(name) or _NUMERIC.fullmatch(name.rpartition(".")[2]):
            raise not_allowed("host name") from None
        return name, False
    if bracketed != isinstance(address, IPv6Address):
        raise not_allowed("brackets are for IPv6 addresses")
    return str(address), True


def not_allowed(detail: str) -> EgressRefused:
    return EgressRefused(Reason.URL_NOT_ALLOWED, detail)
