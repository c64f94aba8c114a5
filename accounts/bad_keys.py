"""Bad keys from one network address: after so many within a minute the next one is told to wait.

Only who shows a bad key waits. A good one opens from the same address at any time, so that nobody keeps
his neighbours out. Each process counts in its own memory: a guess must not cost us a write.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from django.conf import settings

from accounts.lookup import address_of

MOST_ADDRESSES = 10_000


@dataclass
class Minute:
    """Who showed how many bad keys within the minute that runs."""

    number: int = 0
    shown: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, who: str, now: float) -> int:
        """Count one more; how many it is. Beyond ten thousand addresses new ones go uncounted."""
        with self._lock:
            if self.number != now // 60:
                self.number, self.shown = int(now // 60), {}
            if who not in self.shown and len(self.shown) >= MOST_ADDRESSES:
                return 1
            self.shown[who] = self.shown.get(who, 0) + 1
            return self.shown[who]


_minute = Minute()


def count(ip: str) -> int:
    """Count a bad key from this address. Gives the seconds to wait; 0 while it may go on."""
    now = time.time()
    if _minute.count(_neighbourhood(ip), now) <= settings.EASEL.bad_key_limit:
        return 0
    return 60 - int(now) % 60


def _neighbourhood(ip: str) -> str:
    """The address; of IPv6 its first half, since one machine has all of the second."""
    address = address_of(ip)
    if address is None or isinstance(address, IPv4Address):
        return ip
    return address.exploded[:19]
