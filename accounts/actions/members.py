"""Who belongs to an organization, and as what."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError

from accounts import auditing
from accounts.access import Permission, allowed, rank
from accounts.actions import keys
from accounts.auditing import Actor, ActorType
from accounts.errors import Conflict, InvalidValue, NotAllowed, NotFound
from accounts.models import ApiKey, Membership, Organization, Role, User
from runtime.tenancy import tenant


def add(*, organization: Organization, user: User, role: str, by: Actor) -> Membership:
    """Make somebody a member. Raises InvalidValue, NotAllowed (a role above one's own), Conflict
    (a member already)."""
    role = _known(role)
    with tenant(organization):
        _require_reach(organization, by, role)
        try:
            membership = Membership.objects.create(organization=organization, user=user, role=role)
        except IntegrityError as error:
            raise Conflict(f"{user.email} is a member already.") from error
        _record(membership, "member.add", by, after={"role": role})
    return membership


def change_role(*, organization: Organization, user: User, role: str, by: Actor) -> Membership:
    """Give a member another role. Raises InvalidValue, NotFound, NotAllowed, Conflict (the last
    owner)."""
    role = _known(role)
    with tenant(organization):
        membership = _locked(organization, user)
        before = membership.role
        _require_reach(organization, by, before, role)
        if before == role:
            return membership
        _keep_an_owner(membership)
        membership.role = role
        membership.save(update_fields=["role"])
        _record(membership, "member.change_role", by, before={"role": before}, after={"role": role})
    return membership


def remove(*, organization: Organization, user: User, by: Actor) -> None:
    """End a membership, one's own too, and the personal keys with it. Keys of the organization
    stay. Raises NotFound, NotAllowed, Conflict (the last owner)."""
    with tenant(organization):
        membership = _locked(organization, user)
        if not _is(by, user):
            _require_reach(organization, by, membership.role)
        _keep_an_owner(membership)
        for key in _personal_keys(organization, user):
            keys.end(key, reason=f"{user.email} is no member any more.", by=by)
        _record(membership, "member.remove", by, before={"role": membership.role})
        membership.delete()


def _known(role: str) -> str:
    if role not in Role.values:
        raise InvalidValue("role", f"{role!r} is no role. Use one of: {', '.join(Role.values)}.")
    return str(role)


def _is(by: Actor, user: User) -> bool:
    return by.type == ActorType.MEMBER and by.id == str(user.pk)


def _locked(organization: Organization, user: User) -> Membership:
    """The membership, with all owners' locked in one order, so that two owners cannot both go."""
    rows = Membership.objects.of(organization).select_for_update().select_related(None).order_by("id")
    for membership in rows:
        if membership.user_id == user.pk:
            membership.user = user
            return membership
    raise NotFound(f"{user.email} is not a member here.")


def _keep_an_owner(leaving: Membership) -> None:
    owners = Membership.objects.of(leaving.organization_id).filter(role=Role.OWNER)
    if leaving.role == Role.OWNER and not owners.exclude(pk=leaving.pk).exists():
        raise Conflict("The last owner stays. Make somebody else an owner first.")


def _require_reach(organization: Organization, by: Actor, *roles: str) -> None:
    """Nobody touches a role above his own. Operators, commands and the platform are not members."""
    if by.type in (ActorType.OPERATOR, ActorType.COMMAND, ActorType.SYSTEM):
        return
    mine = _role_of(organization, by)
    if not allowed(mine, Permission.MEMBER_MANAGE):
        raise NotAllowed("Only owners and admins may manage members.")
    if any(rank(role) > rank(mine) for role in roles):
        raise NotAllowed("Nobody may give, take or change a role above his own.")


def _role_of(organization: Organization, by: Actor) -> str:
    """The role of a member, read afresh; a key has none."""
    if by.type != ActorType.MEMBER:
        return ""
    held = Membership.objects.of(organization).filter(user_id=by.id)
    return held.values_list("role", flat=True).first() or ""


def _personal_keys(organization: Organization, user: User) -> list[ApiKey]:
    rows = ApiKey.objects.of(organization).filter(member=user, revoked_at=None)
    return list(rows.select_for_update().order_by("id"))


def _record(membership: Membership, action: str, by: Actor, **what: Any) -> None:
    auditing.record(
        by=by,
        action=action,
        object_type="member",
        object_id=membership.user_id,
        object_label=membership.user.email,
        organization_id=membership.organization_id,
        **what,
    )
