"""Resting a channel that fails: a breaker for each model at each channel.

It opens when at least half of at least twenty calls of one process within ten seconds failed; then one
probe a second, of all processes together, asks whether the upstream is well again, and one that goes
well closes it. Counts are this process's own; whether it is open stands in the row, where all
processes read it within a second.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from django.db import connection

from generations.channels import rows
from generations.errors import ProviderError
from generations.spec import Kind
from runtime.tenancy import operator

log = structlog.get_logger(__name__)

WINDOW_SECONDS, PROBE_SECONDS = 10.0, 1.0
CALLS, SHARE = 20, 0.5
FAILING = frozenset({Kind.UPSTREAM_ERROR, Kind.UPSTREAM_TIMEOUT, Kind.OVERLOADED})
"""What speaks against an upstream. Being told to wait, or that an order is bad, does not; nor does an
answer that makes no sense, which is often a matter of its order."""


@dataclass(slots=True)
class Window:
    """The calls of the last ten seconds, second by second: [second, calls, failures]."""

    seconds: deque[list[int]] = field(default_factory=deque)

    def add(self, *, failed: bool, now: float) -> None:
        if not self.seconds or self.seconds[-1][0] != int(now):
            self.seconds.append([int(now), 0, 0])
        self.seconds[-1][1] += 1
        self.seconds[-1][2] += failed
        while self.seconds[0][0] <= now - WINDOW_SECONDS:
            self.seconds.popleft()

    @property
    def broken(self) -> bool:
        calls = sum(second[1] for second in self.seconds)
        return calls >= CALLS and sum(second[2] for second in self.seconds) >= SHARE * calls


_windows: dict[int, Window] = {}
_probed: dict[int, float] = {}


def verdict(link: int, probe: bool, error: ProviderError | None) -> Callable[[], None] | None:
    """Count a call that has ended; what the database must be told, if anything. `link` is the row of the
    model at the channel."""
    failed = error is not None and error.kind in FAILING and not error.garbled
    if probe:
        return None if failed else lambda: _close(link)
    if error is not None and not failed:
        return None
    window = _windows.setdefault(link, Window())
    window.add(failed=failed, now=time.monotonic())
    if not (failed and window.broken):
        return None
    del _windows[link]
    return lambda: _open(link)


_OPEN = """
    UPDATE generations_channelmodel SET opened_at = clock_timestamp(), probed_at = clock_timestamp()
    WHERE id = %s AND opened_at IS NULL
"""
_PROBE = """
    UPDATE generations_channelmodel SET probed_at = clock_timestamp()
    WHERE id = %s AND opened_at IS NOT NULL AND probed_at < clock_timestamp() - make_interval(secs => %s)
"""
_CLOSE = """
    UPDATE generations_channelmodel SET opened_at = NULL, probed_at = NULL
    WHERE id = %s AND opened_at IS NOT NULL
"""


def may_probe(link: int) -> bool:
    """Take the probe of this second, if nobody has. For the database threads."""
    now = time.monotonic()
    if now - _probed.get(link, float("-inf")) < PROBE_SECONDS / 4:
        return False
    _probed[link] = now
    return _write(_PROBE, link, PROBE_SECONDS)


def _open(link: int) -> None:
    if _write(_OPEN, link):
        log.warning("breaker.opened", channel_model=link)
    rows.refresh()


def _close(link: int) -> None:
    if _write(_CLOSE, link):
        log.info("breaker.closed", channel_model=link)
    rows.refresh()


def _write(sql: str, *values: float) -> bool:
    with operator(), connection.cursor() as cursor:
        cursor.execute(sql, values)
        return bool(cursor.rowcount)
