"""The leak guard: a live key that is suddenly used many times over, from a network where it never was, has
probably leaked. It is frozen, not the team; somebody of the team restores it with one click (X5).

    five minutes of calls -> busy places -> those unknown to the key -> far more than usual? -> frozen
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import connection

from accounts import directory
from accounts.actions import keys
from accounts.models import ApiKey
from runtime.tenancy import tenant, work

log = structlog.get_logger(__name__)

WINDOW: Final = timedelta(minutes=5)
MEMORY: Final = timedelta(days=7)
FEWEST: Final = 100  # calls of a window that are worth a look
SPIKE: Final = 20  # times the usual window
LOOKED_AT: Final = 20_000  # earlier calls of a key

# A network is what one subscriber has: /24 of IPv4, /48 of IPv6.
_NETWORK = "network(set_masklen(ip, CASE family(ip) WHEN 4 THEN 24 ELSE 48 END))"
_BUSY = f"""
    SELECT organization_id, key_id, {_NETWORK}::text, count(*)
    FROM generations_apirequest
    WHERE at > clock_timestamp() - %s AND mode = 'live' AND key_id IS NOT NULL AND ip IS NOT NULL
    GROUP BY 1, 2, 3 HAVING count(*) >= %s
"""  # noqa: S608 - our own words
_PAST = f"""
    SELECT count(*), count(DISTINCT date_bin(%(window)s, at, 'epoch')),
           count(*) FILTER (WHERE {_NETWORK}::text = %(network)s)
    FROM (
        SELECT at, ip FROM generations_apirequest
        WHERE organization_id = %(organization)s AND key_id = %(key)s AND ip IS NOT NULL
          AND at > clock_timestamp() - %(memory)s AND at <= clock_timestamp() - %(window)s
        ORDER BY at DESC LIMIT %(most)s
    ) past
"""  # noqa: S608 - our own words

_SUBJECT = "An API key of {team} was frozen: it may have leaked"
_BODY = """The API key "{name}" ({prefix}...) of {team} is frozen since a moment ago.

{reason}

Requests with it are refused; every other key goes on. If that was you, restore it with one click:
{url}

If not, revoke it on the same page, make a new one, and find how the old one got out.
"""


@dataclass(frozen=True, slots=True)
class Busy:
    """A key's calls of the last window from one network (in CIDR form)."""

    organization: UUID
    key: UUID
    network: str
    calls: int


class Guard:
    """Looks again and again. A place that a key is known to use is not looked up a second time."""

    def __init__(self) -> None:
        self._known: set[tuple[UUID, str]] = set()

    def look(self) -> int:
        """Freeze what must be frozen. Returns how many keys were."""
        return sum(self._judge(busy) for busy in _busy() if (busy.key, busy.network) not in self._known)

    def _judge(self, busy: Busy) -> bool:
        usual = _usual(busy)
        if usual is None:
            self._known.add((busy.key, busy.network))
            return False
        return busy.calls >= SPIKE * usual and _freeze(busy, usual)


def _busy() -> Sequence[Busy]:
    with work(), connection.cursor() as cursor:
        values: tuple[Any, ...] = (WINDOW, FEWEST)
        cursor.execute(_BUSY, values)
        return [Busy(*row) for row in cursor.fetchall()]


def _usual(busy: Busy) -> float | None:
    """The calls of a usual window of this key; None where nothing can be said against this network: it
    was used there before, or the key is new and was used nowhere."""
    values: dict[str, Any] = {
        "window": WINDOW,
        "memory": MEMORY,
        "most": LOOKED_AT,
        "organization": busy.organization,
        "key": busy.key,
        "network": busy.network,
    }
    with work(), connection.cursor() as cursor:
        cursor.execute(_PAST, values)
        calls, windows, here = cursor.fetchone()
    return None if here or not calls else calls / windows


def _freeze(busy: Busy, usual: float) -> bool:
    reason = (
        f"{busy.calls:,} calls in {WINDOW.seconds // 60} minutes from {busy.network}, where it was not used "
        f"before; usual are {usual:,.0f}."
    )
    with tenant(busy.organization):
        key = ApiKey.objects.of(busy.organization).select_related("organization").filter(pk=busy.key).first()
    if key is None or not keys.freeze(key=key, reason=reason):
        return False
    log.warning("key.frozen", key=key.prefix, network=busy.network, calls=busy.calls, usual=usual)
    _tell(key, reason)
    return True


def _tell(key: ApiKey, reason: str) -> None:
    """After the commit: the key is frozen, whether or not the mail can leave."""
    facts = {
        "team": key.organization.name,
        "name": key.name,
        "prefix": key.prefix,
        "reason": reason,
        "url": f"{settings.EASEL.url}/o/{key.organization.slug}/keys/{key.pk}/",
    }
    subject = " ".join(_SUBJECT.format(**facts).split())
    try:
        send_mail(subject, _BODY.format(**facts), None, directory.heads_of(key.organization_id))
    except OSError:
        log.exception("guard.mail_failed", key=key.prefix)
