"""Letting a caller in: his key, then his share of the minute, in one short transaction.

Nothing is remembered between requests: a key revoked now is refused on the next request.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from uuid import UUID

from django.db.models import Q

from accounts import keys, limits
from accounts.access import effective_scopes
from accounts.errors import AuthError, AuthReason
from accounts.limits import Allowance
from accounts.models import ApiKey, Door, Membership, Organization
from runtime.clock import DatabaseNow
from runtime.tenancy import possession, tenant

NOTE_USE_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking. `scopes` is what the key may do today (never empty to mean everything);
    `models` empty means every model; the limits are requests per minute and generations at once,
    None where only the platform's apply. `member_id` is set for a member's personal key."""

    key_id: UUID
    key_name: str
    key_prefix: str
    organization_id: UUID
    organization_slug: str
    organization_name: str
    mode: str
    member_id: UUID | None
    home_door: Door
    scopes: frozenset[str]
    models: frozenset[str]
    requests_per_minute: int | None
    organization_requests_per_minute: int | None
    concurrency: int | None

    def may(self, scope: str) -> bool:
        """Whether the key carries this scope (`images:create`, ...)."""
        return scope in self.scopes

    def may_use(self, model: str) -> bool:
        """Whether the key may use this model (by its public name)."""
        return not self.models or model in self.models


def admit(
    presented: str, *, ip: str, agent: str, door: str, reading: bool = False
) -> tuple[Caller, Allowance]:
    """Authenticate a key and count the request: what every door does first.

    Raises AuthError. A request over its limit is not an error here: look at `Allowance.allowed`,
    and put its numbers on whatever is answered. `door` is the dialect's name, or empty for the
    management API; `reading` lets a suspended organization look at what it has.
    """
    with _opened(presented, ip=ip, agent=agent, door=door, reading=reading) as caller:
        return caller, limits.count(
            organization=caller.organization_id,
            organization_limit=caller.organization_requests_per_minute,
            key=caller.key_id,
            key_limit=caller.requests_per_minute,
        )


def authenticate(presented: str, *, ip: str, agent: str, door: str, reading: bool = False) -> Caller:
    """The caller behind a key, without counting the request. As `admit` otherwise."""
    with _opened(presented, ip=ip, agent=agent, door=door, reading=reading) as caller:
        return caller


@contextmanager
def _opened(presented: str, *, ip: str, agent: str, door: str, reading: bool) -> Iterator[Caller]:
    """The caller, inside a transaction in his tenant."""
    keys.require_well_formed(presented)
    candidates = keys.digests(presented)
    for digest, _ in candidates:
        with possession(key_digest=digest):
            key = _find(digest)
            if key is None:
                continue
            address = _address(ip)
            _check(key, digest, address=address, door=door, reading=reading)
            with tenant(key.organization_id):
                caller = _caller(key)
                _note_use(key, digest, candidates[0], address=address, agent=agent)
                yield caller
                return
    raise keys.invalid()


def _find(digest: bytes) -> ApiKey | None:
    """The key of which this is the present or the previous digest, with its organization."""
    key = (
        ApiKey.objects.across()
        .filter(Q(digest=digest) | Q(previous_digest=digest))
        .select_related("organization")
        .annotate(now=DatabaseNow())
        .first()
    )
    if key is None or not any(hmac.compare_digest(digest, known) for known in _known(key)):
        return None
    return key


def _known(key: ApiKey) -> list[bytes]:
    return [bytes(known) for known in (key.digest, key.previous_digest) if known is not None]


def _check(
    key: ApiKey, digest: bytes, *, address: IPv4Address | IPv6Address | None, door: str, reading: bool
) -> None:
    """Raises AuthError for the first reason against this key. Says only what its holder may know."""
    now: datetime = key.now  # type: ignore[attr-defined]  # annotated by _find
    if key.revoked_at is not None:
        raise AuthError(AuthReason.REVOKED, f"This API key was revoked on {_day(key.revoked_at)}.")
    if key.expires_at is not None and key.expires_at <= now:
        raise AuthError(AuthReason.EXPIRED, f"This API key expired on {_day(key.expires_at)}.")
    if _rotated_away(key, digest, now):
        raise AuthError(
            AuthReason.EXPIRED, "This API key was rotated and its grace is over. Use the new secret."
        )
    if key.organization.state == Organization.State.SUSPENDED and not reading:
        raise AuthError(
            AuthReason.ORGANIZATION_SUSPENDED, "This organization is suspended. Write to support."
        )
    if key.networks and not _in_networks(address, key.networks):
        raise AuthError(AuthReason.IP_NOT_ALLOWED, "This API key may not be used from this network address.")
    if key.doors_allowed and door and door not in key.doors_allowed:
        doors = ", ".join(key.doors_allowed)
        raise AuthError(AuthReason.DOOR_NOT_ALLOWED, f"This API key may not be used here, only at: {doors}.")


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"


def _is_previous(key: ApiKey, digest: bytes) -> bool:
    return not hmac.compare_digest(bytes(key.digest), digest)


def _rotated_away(key: ApiKey, digest: bytes, now: datetime) -> bool:
    ends = key.previous_expires_at
    return _is_previous(key, digest) and (ends is None or ends <= now)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The client's address; an IPv4 one that arrived in IPv6 clothes is taken out of them."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _in_networks(address: IPv4Address | IPv6Address | None, networks: list[str]) -> bool:
    return address is not None and any(address in ip_network(network) for network in networks)


def _caller(key: ApiKey) -> Caller:
    organization = key.organization
    return Caller(
        key_id=key.pk,
        key_name=key.name,
        key_prefix=key.prefix,
        organization_id=organization.pk,
        organization_slug=organization.slug,
        organization_name=organization.name,
        mode=key.mode,
        member_id=key.member_id,
        home_door=Door(key.home_door),
        scopes=effective_scopes(key.scopes, _role_of_holder(key)),
        models=frozenset(key.models_allowed),
        requests_per_minute=key.requests_per_minute,
        organization_requests_per_minute=organization.requests_per_minute,
        concurrency=key.concurrency,
    )


def _role_of_holder(key: ApiKey) -> str | None:
    """The role of the member a personal key belongs to; None for a key of the organization.
    Raises AuthError when he is no member any more: a personal key ends with the membership."""
    if key.member_id is None:
        return None
    held = Membership.objects.of(key.organization_id).filter(user_id=key.member_id, user__is_active=True)
    role = held.values_list("role", flat=True).first()
    if role is None:
        raise AuthError(
            AuthReason.REVOKED, "This API key ended with the membership of the person it was for."
        )
    return role


def _note_use(
    key: ApiKey,
    digest: bytes,
    newest: tuple[bytes, int],
    *,
    address: IPv4Address | IPv6Address | None,
    agent: str,
) -> None:
    """When, from where and by what the key was used: at most once a minute, so that a busy key's
    row is not rewritten with every request. A digest under an old pepper is renewed on the way."""
    now: datetime = key.now  # type: ignore[attr-defined]  # annotated by _find
    stale = now - NOTE_USE_EVERY
    row = ApiKey.objects.of(key.organization_id).filter(pk=key.pk)
    if key.last_used_at is None or key.last_used_at < stale:
        row.filter(Q(last_used_at=None) | Q(last_used_at__lt=stale)).update(
            last_used_at=now, last_used_ip=address and str(address), last_used_agent=_storable(agent)
        )
    if _is_previous(key, digest):
        if key.previous_used_at is None or key.previous_used_at < stale:
            row.update(previous_used_at=now)
    elif digest != newest[0]:
        row.filter(digest=digest).update(digest=newest[0], pepper=newest[1])


def _storable(agent: str) -> str:
    return agent.replace("\x00", "")[:200]
