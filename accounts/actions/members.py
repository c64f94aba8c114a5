"""Who belongs to an organization, and as what."""

from __future__ import annotations

from typing import Any

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string

from accounts import auditing, directory, sessions
from accounts.access import ManagementScope, Permission, allowed, rank
from accounts.actions import keys
from accounts.auditing import Actor, ActorType
from accounts.errors import Conflict, InvalidValue, NotAllowed, NotFound
from accounts.models import ApiKey, Invitation, Membership, Organization, Role, User
from runtime.clock import database_now
from runtime.tenancy import tenant

log = structlog.get_logger(__name__)


def add(*, organization: Organization, user: User, role: str, by: Actor) -> Membership:
    """Make somebody a member. Raises InvalidValue, NotAllowed (a role above one's own), Conflict
    (a member already)."""
    role = known(role)
    with tenant(organization):
        require_reach(organization, by, role)
        return join(organization=organization, user=user, role=role, by=by)


def join(*, organization: Organization, user: User, role: str, by: Actor) -> Membership:
    """Make somebody a member whose place was promised already. Inside the tenant's scope. Raises Conflict
    (a member already)."""
    try:
        with transaction.atomic():
            membership = Membership.objects.create(organization=organization, user=user, role=role)
    except IntegrityError as error:
        raise Conflict(f"{user.email} is a member already.") from error
    _record(membership, "member.add", by, after={"role": role})
    return membership


def change_role(*, organization: Organization, user: User, role: str, by: Actor) -> Membership:
    """Give a member another role. His sessions end, and the invitations he made are void. Raises
    InvalidValue, NotFound, NotAllowed, Conflict (the last owner)."""
    role = known(role)
    with tenant(organization):
        membership = _locked(organization, user)
        before = membership.role
        require_reach(organization, by, before, role)
        if before == role:
            return membership
        _keep_an_owner(membership)
        _give(membership, role, by)
    return membership


def transfer(*, organization: Organization, to: User, by: Actor) -> None:
    """Hand the ownership to another member: he becomes an owner, the one who gives it an admin. Owners and
    admins are told by mail. Raises NotFound, NotAllowed (only a member who is an owner can), Conflict (to
    oneself)."""
    with tenant(organization):
        heir = _locked(organization, to)
        if by.type != ActorType.MEMBER or not allowed(
            _held(organization, by.id), Permission.ORGANIZATION_TRANSFER
        ):
            raise NotAllowed("Only an owner can transfer the team.")
        if _is(by, to):
            raise Conflict("You own the team already. Choose another member.")
        giver = Membership.objects.of(organization).select_related("user").get(user_id=by.id)
        if heir.role != Role.OWNER:
            _give(heir, Role.OWNER, by)
        _give(giver, Role.ADMIN, by)
    facts = {
        "team": organization.name,
        "giver": giver.user.email,
        "heir": to.email,
        "origin": settings.EASEL.url,
    }
    _tell_heads(organization, f"{organization.name} has a new owner", "mail/transfer.txt", facts)


def _tell_heads(organization: Organization, subject: str, template: str, facts: dict[str, str]) -> None:
    """After the commit: what was done stands, whether or not the mail can leave."""
    heads = directory.heads_of(organization.pk)
    try:
        send_mail(
            " ".join(subject.split()),
            render_to_string(template, {**facts, "origin": settings.EASEL.url}),
            None,
            heads,
        )
    except OSError:
        log.exception("transfer.mail_failed", organization=organization.slug)


def remove(*, organization: Organization, user: User, by: Actor) -> None:
    """End a membership, one's own too, and with it the personal keys, the sessions and the invitations
    made. Keys of the organization stay. Raises NotFound, NotAllowed, Conflict (the last owner)."""
    with tenant(organization):
        membership = _locked(organization, user)
        if not _is(by, user):
            require_reach(organization, by, membership.role)
        _keep_an_owner(membership)
        for key in _personal_keys(organization, user):
            keys.end(key, reason=f"{user.email} is no member any more.", by=by)
        _void_invitations(membership)
        _record(membership, "member.remove", by, before={"role": membership.role})
        membership.delete()
        sessions.end_all(user)


def _give(membership: Membership, role: str, by: Actor) -> None:
    before, membership.role = membership.role, role
    membership.save(update_fields=["role"])
    if rank(role) < rank(before):
        _void_invitations(membership)
    _record(membership, "member.change_role", by, before={"role": before}, after={"role": role})
    sessions.end_all(membership.user)


def _void_invitations(membership: Membership) -> None:
    """Nobody comes back, or keeps a friend in, through an invitation he made while he could."""
    made = Invitation.objects.of(membership.organization_id).filter(invited_by_id=membership.user_id)
    made.filter(accepted_at=None, revoked_at=None).update(revoked_at=database_now())


def known(role: str) -> str:
    """The role of that name. Raises InvalidValue."""
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


def require_reach(organization: Organization, by: Actor, *roles: str) -> None:
    """Raises NotAllowed: nobody touches a role above his own. Operators, commands and the platform are not
    members. Inside the tenant's scope."""
    if by.type in (ActorType.OPERATOR, ActorType.COMMAND, ActorType.SYSTEM):
        return
    mine = _role_of(organization, by)
    if not allowed(mine, Permission.MEMBER_MANAGE):
        raise NotAllowed("Only owners and admins may manage members.")
    if any(rank(role) > rank(mine) for role in roles):
        raise NotAllowed("Nobody may give, take or change a role above his own.")


def _role_of(organization: Organization, by: Actor) -> str:
    """The role of a member, read afresh. A management key of the organization stands as an admin, a
    personal one as its member; any other key has no role."""
    if by.type == ActorType.MEMBER:
        return _held(organization, by.id)
    key = ApiKey.objects.of(organization).filter(pk=by.id, revoked_at=None).first()
    if key is None or ManagementScope.WRITE not in key.scopes:
        return ""
    return _held(organization, key.member_id) if key.member_id else Role.ADMIN


def _held(organization: Organization, user: Any) -> str:
    held = Membership.objects.of(organization).filter(user_id=user)
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
