"""Inviting people by e-mail: for a week, once, and for that address only."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.urls import reverse

from accounts import auditing, invited
from accounts.actions import members
from accounts.auditing import Actor, ActorType
from accounts.errors import Conflict, InvalidValue, NotAllowed, NotFound
from accounts.models import Invitation, Membership, Organization, User
from runtime.clock import database_now
from runtime.ids import word
from runtime.tenancy import tenant

log = structlog.get_logger(__name__)

LIFE: Final = timedelta(days=7)
MOST_OPEN: Final = 100
"""Open invitations of one organization: what a stolen login may send."""


def create(*, organization: Organization, email: str, role: str, by: Actor) -> tuple[Invitation, bool]:
    """Invite somebody, and mail the link. Gives the invitation, and whether the mail could leave. Raises
    InvalidValue, NotAllowed (a role above one's own), Conflict (a member, or invited already)."""
    email, role = _address(email), members.known(role)
    token = word(invited.LETTERS)
    with tenant(organization):
        members.require_reach(organization, by, role)
        _require_stranger(organization, email)
        made = _insert(organization, email, role, token, by)
        _record(made, "invitation.create", by, after={"role": role, "expires_at": made.expires_at})
    return made, _send(organization, made, token)


def resend(*, organization: Organization, invitation: UUID, by: Actor) -> tuple[Invitation, bool]:
    """Mail a new link, for a week from now; the one before opens nothing any more. Raises NotFound,
    NotAllowed, Conflict (accepted or revoked)."""
    token = word(invited.LETTERS)
    with tenant(organization):
        row = _locked(organization, invitation)
        members.require_reach(organization, by, row.role)
        before, row.digest = row.expires_at, invited.digest(token)
        row.sent_at = database_now()
        row.expires_at = row.sent_at + LIFE
        row.save(update_fields=["digest", "sent_at", "expires_at"])
        _record(
            row, "invitation.resend", by, before={"expires_at": before}, after={"expires_at": row.expires_at}
        )
    return row, _send(organization, row, token)


def revoke(*, organization: Organization, invitation: UUID, by: Actor) -> Invitation:
    """Its link opens nothing any more. Raises NotFound, NotAllowed, Conflict (accepted or revoked)."""
    with tenant(organization):
        row = _locked(organization, invitation)
        members.require_reach(organization, by, row.role)
        row.revoked_at = database_now()
        row.save(update_fields=["revoked_at"])
        _record(row, "invitation.revoke", by, before={"role": row.role})
    return row


def accept(*, token: str, user: User, by: Actor) -> Membership:
    """Take the place that the link promises. Raises NotFound, NotAllowed (it is for another address),
    Conflict (used, revoked, expired, or a member already)."""
    found = invited.find(token)
    with tenant(found.organization_id):
        row = _locked(found.organization, found.pk)
        if row.email != user.email.lower():
            raise NotAllowed(f"This invitation is for {row.email}. Log in with that address.")
        now = database_now()
        if row.expires_at <= now:
            raise Conflict("This invitation has expired. Ask for a new one.")
        row.accepted_at = now
        row.save(update_fields=["accepted_at"])
        _record(row, "invitation.accept", by, after={"role": row.role})
        return members.join(organization=found.organization, user=user, role=row.role, by=by)


def _address(email: str) -> str:
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise InvalidValue("email", f"{email!r} is not an e-mail address.") from error
    return email


def _require_stranger(organization: Organization, email: str) -> None:
    if Membership.objects.of(organization).filter(user__email=email).exists():
        raise Conflict(f"{email} is a member already.")
    unanswered = Invitation.objects.of(organization).filter(accepted_at=None, revoked_at=None)
    if unanswered.count() >= MOST_OPEN:
        raise Conflict(f"{MOST_OPEN} invitations are unanswered. Revoke some before you send more.")


def _insert(organization: Organization, email: str, role: str, token: str, by: Actor) -> Invitation:
    now = database_now()
    try:
        with transaction.atomic():
            return Invitation.objects.create(
                organization=organization,
                email=email,
                role=role,
                digest=invited.digest(token),
                invited_by_id=by.id if by.type == ActorType.MEMBER else None,
                inviter=by.label[:200],
                sent_at=now,
                expires_at=now + LIFE,
            )
    except IntegrityError as error:
        raise Conflict(f"{email} is invited already. Resend that invitation, or revoke it first.") from error


def _locked(organization: Organization, invitation: UUID) -> Invitation:
    row = Invitation.objects.of(organization).select_for_update().filter(pk=invitation).first()
    if row is None:
        raise NotFound("There is no such invitation.")
    if row.accepted_at:
        raise Conflict("This invitation was used already.")
    if row.revoked_at:
        raise Conflict("This invitation was revoked. Ask for a new one.")
    return row


def _send(organization: Organization, made: Invitation, token: str) -> bool:
    """After the commit: the invitation stands, whether or not its mail can leave."""
    facts = {
        "team": organization.name,
        "invitation": made,
        "url": f"{settings.EASEL.url}{reverse('invitation', args=[token])}",
    }
    subject = f"{made.inviter} invites you to {organization.name} on Easel"
    try:
        send_mail(
            " ".join(subject.split()), render_to_string("mail/invitation.txt", facts), None, [made.email]
        )
    except OSError:
        log.exception("invitation.mail_failed", invitation=str(made.pk))
        return False
    return True


def _record(row: Invitation, action: str, by: Actor, **what: Any) -> None:
    auditing.record(
        by=by,
        action=action,
        object_type="invitation",
        object_id=row.pk,
        object_label=row.email,
        organization_id=row.organization_id,
        **what,
    )
