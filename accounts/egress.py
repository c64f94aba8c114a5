"""Which addresses customers may have us call: the floor's rules, with what this installation adds.

`fetch_policy` is for pictures that an order names, `callback_policy` for their receivers. Ourselves
is nobody's target: our own links are read from storage, our own servers' ports stay closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

from django.conf import settings

from runtime.egress import CALLBACK, FETCH, Policy


def fetch_policy(max_bytes: int, *, http: bool = False) -> Policy:
    """What a picture's URL may reach, and how many bytes it may bring; plain http only if asked for."""
    return _here(replace(FETCH, schemes=FETCH.schemes if http else frozenset({"https"}), max_bytes=max_bytes))


def callback_policy() -> Policy:
    """What a callback or webhook may reach: https on its own port, no redirect."""
    return _here(CALLBACK)


def _here(policy: Policy) -> Policy:
    easel = settings.EASEL
    return replace(
        policy,
        allow=easel.egress_allow,
        test_endpoints=frozenset(easel.test_egress) if easel.env == "test" else frozenset(),
        closed_ports=frozenset(_own_ports()),
        own_hosts=frozenset(_own_hosts()),
        own_addresses=frozenset({easel.host}),
    )


def _own_hosts() -> Iterator[str]:
    yield urlsplit(settings.EASEL.url).hostname or ""
    for host in settings.EASEL.door_hosts:
        yield host.partition(":")[0]


def _own_ports() -> Iterator[int]:
    """Those of the application, the database, the broker and the store: closed even to tests."""
    yield settings.EASEL.port
    for port in str(settings.DATABASES["default"]["PORT"] or 5432).split(","):
        yield int(port or 5432)
    for url in (settings.EASEL.broker, getattr(settings.EASEL.storage, "endpoint", "")):
        if named := urlsplit(url).port:
            yield named
    if settings.EASEL.broker != "orm":
        yield 6379
