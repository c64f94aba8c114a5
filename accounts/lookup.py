"""The row behind a presented key, and whether it may be used.

On the path of every request, so one plain statement: the ORM would take four times as long.
"""

from __future__ import annotations

import hmac
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple, NoReturn
from uuid import UUID

from django.db import connection

from accounts.access import manages
from accounts.errors import AuthError, AuthReason
from accounts.models import Organization

Address = IPv4Address | IPv6Address


class Found(NamedTuple):
    """A key with its organization, as the database had them at `now`."""

    id: UUID
    organization_id: UUID
    mode: str
    name: str
    home_door: str
    member_id: UUID | None
    public_id: str
    digest: bytes
    previous_digest: bytes | None
    previous_expires_at: datetime | None
    previous_used_at: datetime | None
    scopes: list[str]
    models_allowed: list[str]
    doors_allowed: list[str]
    networks: list[str]
    requests_per_minute: int | None
    concurrency: int | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    organization_slug: str
    organization_name: str
    organization_state: str
    organization_requests_per_minute: int | None
    now: datetime
    suspended_at: datetime | None

    def __repr__(self) -> str:
        return f"Found(easel_{self.mode}_{self.public_id}…)"


_FIND = "SELECT * FROM accounts_open_key(%s)"


def find(digest: bytes) -> Found | None:
    """The key of which this is the present or the previous digest. One statement that opens, by
    possession of the digest, this key and no other."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND, (digest,))
        row = cursor.fetchone()
    found = Found(*row) if row else None
    if found is None or not any(hmac.compare_digest(digest, known) for known in _digests(found)):
        return None
    return found


def _digests(found: Found) -> list[bytes]:
    return [known for known in (found.digest, found.previous_digest) if known is not None]


def is_previous(found: Found, digest: bytes) -> bool:
    """Whether the secret that was presented is the one before the last rotation."""
    return not hmac.compare_digest(found.digest, digest)


def require_usable(found: Found, digest: bytes, *, address: Address | None, door: str, reading: bool) -> None:
    """Raises AuthError for the first reason against this key. It says what its holder may know."""
    if found.revoked_at is not None:
        refuse(found, AuthReason.REVOKED, f"This API key was revoked on {_day(found.revoked_at)}.")
    if found.suspended_at is not None:
        refuse(found, AuthReason.REVOKED, "This API key is suspended. The page of the key says why.")
    if found.expires_at is not None and found.expires_at <= found.now:
        refuse(found, AuthReason.EXPIRED, f"This API key expired on {_day(found.expires_at)}.")
    if is_previous(found, digest) and not _in_grace(found):
        refuse(
            found, AuthReason.EXPIRED, "This API key was rotated and its grace is over. Use the new secret."
        )
    if found.organization_state == Organization.State.SUSPENDED and not reading:
        refuse(found, AuthReason.ORGANIZATION_SUSPENDED, "This organization is suspended. Write to support.")
    if found.networks and not _in_networks(address, found.networks):
        refuse(found, AuthReason.IP_NOT_ALLOWED, "This API key may not be used from this network address.")
    if door and manages(found.scopes):
        refuse(
            found,
            AuthReason.DOOR_NOT_ALLOWED,
            "This is a management key: it works at /api/v1/ and makes no images. Use one that generates.",
        )
    if found.doors_allowed and door and door not in found.doors_allowed:
        doors = ", ".join(found.doors_allowed)
        refuse(found, AuthReason.DOOR_NOT_ALLOWED, f"This API key may not be used here, only at: {doors}.")


def refuse(found: Found, reason: AuthReason, message: str) -> NoReturn:
    """Raises AuthError with the key's and the organization's ids for the history."""
    raise AuthError(reason, message, key_id=found.id, organization_id=found.organization_id)


def address_of(text: str) -> Address | None:
    """The client's address; an IPv4 one that arrived in IPv6 clothes is taken out of them."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _in_grace(found: Found) -> bool:
    return found.previous_expires_at is not None and found.previous_expires_at > found.now


def _in_networks(address: Address | None, networks: list[str]) -> bool:
    return address is not None and any(address in ip_network(network) for network in networks)


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"
