"""Making, changing, rotating and revoking API keys."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from accounts import auditing
from accounts.actions import key_fields
from accounts.auditing import Actor
from accounts.errors import Conflict, InvalidValue, NotFound
from accounts.keys import mint
from accounts.models import ApiKey, Door, Event, Membership, Organization, User
from accounts.webhooks import emit
from accounts.webhooks.events import timestamp
from runtime.clock import database_now
from runtime.tenancy import tenant

LONGEST_GRACE = timedelta(days=7)
LET_BE = timedelta(days=1)  # how long the leak guard keeps away from a key that its team restored
GUARD = Actor.system("leak guard")


def create(
    *,
    organization: Organization,
    mode: str,
    name: str,
    by: Actor,
    home_door: str = Door.OPENAI,
    member: User | None = None,
    created_by: User | None = None,
    scopes: tuple[str, ...] = (),
    models_allowed: tuple[str, ...] = (),
    doors_allowed: tuple[str, ...] = (),
    networks: tuple[str, ...] = (),
    requests_per_minute: int | None = None,
    concurrency: int | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its secret, which nobody can show again. With a `member` it is personal: it
    may do no more than he may, and ends with his membership. Raises InvalidValue."""
    fields = key_fields.cleaned(
        {
            "name": name,
            "home_door": home_door,
            "scopes": scopes,
            "models_allowed": models_allowed,
            "doors_allowed": doors_allowed,
            "networks": networks,
            "requests_per_minute": requests_per_minute,
            "concurrency": concurrency,
            "expires_at": expires_at,
        }
    )
    minted = mint(key_fields.mode(mode))
    with tenant(organization):
        _require_membership(organization, member)
        key = ApiKey.objects.create(
            organization=organization,
            mode=mode,
            member=member,
            created_by=created_by,
            public_id=minted.public_id,
            last_four=minted.last_four,
            digest=minted.digest,
            pepper=minted.pepper,
            **fields,
        )
        _record(key, "key.create", by, after={"mode": mode, "member": member and member.email, **fields})
    return key, minted.plain


def edit(*, key: ApiKey, changes: Mapping[str, Any], by: Actor) -> ApiKey:
    """Change a key's name, home door, limits, scopes, lists or expiry (`key_fields.EDITABLE`).
    Raises InvalidValue, NotFound; Conflict for a revoked key."""
    fields = key_fields.cleaned(changes)
    with tenant(key.organization_id):
        row = _locked(key)
        before = {field: getattr(row, field) for field in fields if getattr(row, field) != fields[field]}
        if before:
            for field in before:
                setattr(row, field, fields[field])
            row.save(update_fields=list(before))
            _record(row, "key.edit", by, before=before, after={field: fields[field] for field in before})
    return row


def rotate(*, key: ApiKey, grace: timedelta, by: Actor) -> tuple[ApiKey, str]:
    """A new secret for the same key; its id, limits and history stay. The old secret works for
    `grace` (0 to 7 days) more; one that was still in an earlier grace stops now.
    Raises InvalidValue, NotFound; Conflict for a revoked key."""
    if not timedelta(0) <= grace <= LONGEST_GRACE:
        raise InvalidValue("grace", "The old secret may go on working for 0 to 7 days.")
    with tenant(key.organization_id):
        row = _locked(key)
        minted = mint(row.mode, public_id=row.public_id)
        before = {"last_four": row.last_four}
        row.previous_digest = bytes(row.digest) if grace else None
        row.previous_expires_at = database_now() + grace if grace else None
        row.previous_used_at, row.previous_used_ip, row.previous_used_agent = None, None, ""
        row.digest, row.pepper, row.last_four = minted.digest, minted.pepper, minted.last_four
        row.save(
            update_fields=[
                *("digest", "pepper", "last_four"),
                *("previous_digest", "previous_expires_at"),
                *("previous_used_at", "previous_used_ip", "previous_used_agent"),
            ]
        )
        _record(
            row, "key.rotate", by, before=before, after={"last_four": row.last_four, "grace_seconds": grace}
        )
        until = timestamp(row.previous_expires_at) if row.previous_expires_at else None
        _tell(row, Event.KEY_ROTATED, previous_works_until=until)
    return row, minted.plain


def end_grace(*, key: ApiKey, by: Actor) -> bool:
    """Let the secret from before the last rotation work no longer. False if there was none. Raises NotFound;
    Conflict for a revoked key."""
    with tenant(key.organization_id):
        row = _locked(key)
        if row.previous_digest is None:
            return False
        before = {"previous_expires_at": row.previous_expires_at}
        row.previous_digest = row.previous_expires_at = None
        row.save(update_fields=["previous_digest", "previous_expires_at"])
        _record(row, "key.end_grace", by, before=before)
    return True


def revoke(*, key: ApiKey, reason: str, by: Actor) -> ApiKey:
    """End a key from the next request on, for good. Twice is once. Raises NotFound."""
    with tenant(key.organization_id):
        row = _locked(key, even_revoked=True)
        if row.revoked_at is None:
            end(row, reason=reason, by=by)
    return row


def suspend(*, key: ApiKey, reason: str, by: Actor) -> ApiKey:
    """Refuse a key from the next request on, until it is restored. Twice is once. Raises InvalidValue,
    NotFound; Conflict for a revoked key."""
    if not reason.strip():
        raise InvalidValue("reason", "Say why the key is suspended.")
    with tenant(key.organization_id):
        row = _locked(key)
        if row.suspended_at is None:
            row.suspended_at, row.suspended_reason = database_now(), reason.strip()[:200]
            row.save(update_fields=["suspended_at", "suspended_reason"])
            _record(row, "key.suspend", by, reason=reason, after={"suspended_at": row.suspended_at})
    return row


def freeze(*, key: ApiKey, reason: str) -> bool:
    """Suspend a key that is used as its team never used it, until somebody of the team restores it. False
    for one that works no more, or that the team told to let be. Raises NotFound."""
    with tenant(key.organization_id):
        row = _locked(key, even_revoked=True)
        now = database_now()
        resting = row.unguarded_until is not None and row.unguarded_until > now
        if row.revoked_at or row.suspended_at or resting:
            return False
        row.suspended_at, row.suspended_reason, row.suspended_by_guard = now, reason[:200], True
        row.save(update_fields=["suspended_at", "suspended_reason", "suspended_by_guard"])
        _record(row, "key.freeze", GUARD, reason=reason, after={"suspended_at": row.suspended_at})
        _tell(row, Event.KEY_FROZEN, reason=row.suspended_reason, frozen_at=timestamp(now))
    return True


def thaw(*, key: ApiKey, by: Actor) -> ApiKey:
    """Let a frozen key work again, and be for a day. Twice is once. Raises NotFound; Conflict for a revoked
    key, and for one that an operator suspended."""
    with tenant(key.organization_id):
        row = _locked(key)
        if row.suspended_at and not row.suspended_by_guard:
            raise Conflict("An operator suspended this key. Write to support to have it restored.")
        if before := row.suspended_at:
            row.suspended_at, row.suspended_reason, row.suspended_by_guard = None, "", False
            row.unguarded_until = database_now() + LET_BE
            row.save(
                update_fields=[*("suspended_at", "suspended_reason", "suspended_by_guard", "unguarded_until")]
            )
            _record(row, "key.thaw", by, before={"suspended_at": before})
    return row


def restore(*, key: ApiKey, reason: str = "", by: Actor) -> ApiKey:
    """Let a suspended key work again. Twice is once. Raises NotFound; Conflict for a revoked key."""
    with tenant(key.organization_id):
        row = _locked(key)
        if before := row.suspended_at:
            row.suspended_at, row.suspended_reason, row.suspended_by_guard = None, "", False
            row.save(update_fields=["suspended_at", "suspended_reason", "suspended_by_guard"])
            _record(row, "key.restore", by, reason=reason, before={"suspended_at": before})
    return row


def end(key: ApiKey, *, reason: str, by: Actor) -> None:
    """Revoke a row that is locked in the open tenant."""
    key.revoked_at, key.revoked_reason = database_now(), reason[:200]
    key.save(update_fields=["revoked_at", "revoked_reason"])
    _record(key, "key.revoke", by, reason=reason, after={"revoked_at": key.revoked_at})
    _tell(key, Event.KEY_REVOKED, reason=key.revoked_reason, revoked_at=timestamp(key.revoked_at))


def _locked(key: ApiKey, *, even_revoked: bool = False) -> ApiKey:
    row = ApiKey.objects.of(key.organization_id).select_for_update().filter(pk=key.pk).first()
    if row is None:
        raise NotFound("There is no such key.")
    if row.revoked_at is not None and not even_revoked:
        raise Conflict("This key was revoked. Make a new one.")
    return row


def _require_membership(organization: Organization, member: User | None) -> None:
    if member and not Membership.objects.of(organization).filter(user=member).exists():
        raise InvalidValue("member", f"{member.email} is not a member of {organization.slug}.")


def _tell(key: ApiKey, event: Event, **more: Any) -> None:
    """The endpoints that listen, in the transaction of the change."""
    shown = {"id": str(key.pk), "name": key.name, "prefix": key.prefix, "last_four": key.last_four}
    emit(key.organization_id, key.mode, event, {"key": {**shown, "mode": key.mode}, **more})


def _record(key: ApiKey, action: str, by: Actor, **what: Any) -> None:
    auditing.record(
        by=by,
        action=action,
        object_type="key",
        object_id=key.pk,
        object_label=str(key),
        organization_id=key.organization_id,
        **what,
    )
