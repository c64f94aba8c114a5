"""Letting a caller in: his key, then his share of the minute, a statement each.

Nothing is remembered between requests: a key revoked now is refused on the next request.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from accounts import bad_keys, keys, limits, lookup
from accounts.access import effective_scopes
from accounts.errors import AuthError, AuthReason
from accounts.limits import Allowance
from accounts.lookup import Address, Found
from accounts.models import ApiKey, Door, Membership
from runtime.clock import database_now
from runtime.tenancy import TenantQuerySet, tenant

NOTE_USE_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking. `scopes` is what the key may do today (never empty to mean everything);
    `models` empty means every model; the limits are requests per minute and generations at once,
    None where only the platform's apply. `member_id` is set for a member's personal key, and `role`
    is his role today; `doors` empty means every door."""

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
    role: str | None = None
    doors: frozenset[str] = frozenset()

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
    try:
        caller = authenticate(presented, ip=ip, agent=agent, door=door, reading=reading)
    except AuthError as refused:
        if refused.reason is AuthReason.INVALID:
            _count_bad_key(ip)
        raise
    allowance = limits.count(
        organization=caller.organization_id,
        organization_limit=caller.organization_requests_per_minute,
        key=caller.key_id,
        key_limit=caller.requests_per_minute,
    )
    return caller, allowance


def _count_bad_key(ip: str) -> None:
    """Raises AuthError where too many came from this address within the minute."""
    if seconds := bad_keys.count(ip):
        raise AuthError(
            AuthReason.TOO_MANY_TRIES,
            f"Too many bad API keys from your network address. Please retry after {seconds} seconds.",
            retry_after=seconds,
        )


def authenticate(presented: str, *, ip: str, agent: str, door: str, reading: bool = False) -> Caller:
    """The caller behind a key, without counting the request. As `admit` otherwise."""
    keys.require_well_formed(presented)
    candidates = keys.digests(presented)
    address = lookup.address_of(ip)
    for digest, _ in candidates:
        found = lookup.find(digest)
        if found is not None:
            lookup.require_usable(found, digest, address=address, door=door, reading=reading)
            caller = _caller(found)
            _note_use(found, digest, candidates[0], address=address, agent=agent)
            return caller
    raise keys.invalid()


def _caller(found: Found) -> Caller:
    role = _role_of_holder(found)
    return Caller(
        key_id=found.id,
        key_name=found.name,
        key_prefix=f"easel_{found.mode}_{found.public_id}",
        organization_id=found.organization_id,
        organization_slug=found.organization_slug,
        organization_name=found.organization_name,
        mode=found.mode,
        member_id=found.member_id,
        home_door=Door(found.home_door),
        scopes=effective_scopes(found.scopes, role),
        models=frozenset(found.models_allowed),
        requests_per_minute=found.requests_per_minute,
        organization_requests_per_minute=found.organization_requests_per_minute,
        concurrency=found.concurrency,
        role=role,
        doors=frozenset(found.doors_allowed),
    )


def _role_of_holder(found: Found) -> str | None:
    """The role of the member a personal key belongs to; None for a key of the organization.
    Raises AuthError when he is no member any more: a personal key ends with the membership."""
    if found.member_id is None:
        return None
    with tenant(found.organization_id):
        held = Membership.objects.of(found.organization_id)
        held = held.filter(user_id=found.member_id, user__is_active=True)
        role = held.values_list("role", flat=True).first()
    if role is None:
        lookup.refuse(
            found, AuthReason.REVOKED, "This API key ended with the membership of the person it was for."
        )
    return role


def _note_use(
    found: Found, digest: bytes, newest: tuple[bytes, int], *, address: Address | None, agent: str
) -> None:
    """When, from where and by what the key was used: at most once a minute, so that a busy key's
    row is not rewritten with every request. A digest under an old pepper is renewed on the way."""
    stale = found.now - NOTE_USE_EVERY
    previous = lookup.is_previous(found, digest)
    fresh = found.last_used_at is not None and found.last_used_at >= stale
    noted = not previous or (found.previous_used_at is not None and found.previous_used_at >= stale)
    if fresh and noted and (previous or digest == newest[0]):
        return
    caller = {"ip": address and str(address), "agent": agent.replace("\x00", "")[:200]}
    with tenant(found.organization_id):
        if not fresh:
            _row(found).filter(Q(last_used_at=None) | Q(last_used_at__lt=stale)).update(
                last_used_at=found.now,
                **{f"last_used_{name}": value for name, value in caller.items()},
            )
        if not noted:
            _row(found).update(
                previous_used_at=found.now,
                **{f"previous_used_{name}": value for name, value in caller.items()},
            )
        if not previous and digest != newest[0]:
            _row(found).filter(digest=digest).update(digest=newest[0], pepper=newest[1])


def _row(found: Found) -> TenantQuerySet[ApiKey]:
    return ApiKey.objects.of(found.organization_id).filter(pk=found.id)


def standing(organization: UUID, key: UUID) -> Caller:
    """The caller that a key stands for when it is not presented: for work it ordered earlier. Its
    networks are not asked for, since nobody comes from anywhere. Raises AuthError."""
    with tenant(organization):
        row = ApiKey.objects.of(organization).select_related("organization").get(pk=key)
        now = database_now()
    found = _found(row, now)
    lookup.require_usable(found, bytes(row.digest), address=None, door="", reading=False)
    return _caller(found)


def _found(row: ApiKey, now: datetime) -> Found:
    team = row.organization
    own = {name: getattr(row, name) for name in Found._fields if hasattr(row, name)}
    return Found(
        **{
            **own,
            "digest": bytes(row.digest),
            "networks": [],
            "organization_slug": team.slug,
            "organization_name": team.name,
            "organization_state": team.state,
            "organization_requests_per_minute": team.requests_per_minute,
            "now": now,
        }
    )


def require_door(caller: Caller, door: str) -> None:
    """Raises AuthError if the key may not be used at this door (empty: at none in particular)."""
    if caller.doors and door and door not in caller.doors:
        doors = ", ".join(sorted(caller.doors))
        raise AuthError(AuthReason.DOOR_NOT_ALLOWED, f"This API key may not be used here, only at: {doors}.")
