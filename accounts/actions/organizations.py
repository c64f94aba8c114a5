"""Making an organization, and stopping it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError

from accounts import auditing
from accounts.auditing import Actor
from accounts.errors import Conflict, InvalidValue, NotFound
from accounts.models import Membership, Organization, Role, User
from runtime.ids import uuid7
from runtime.tenancy import tenant


def create(*, name: str, slug: str, owner: User, by: Actor) -> Organization:
    """A new organization with its first owner, without keys and without credit.

    Raises InvalidValue for a bad name or slug, Conflict for a slug that is taken.
    """
    organization = Organization(id=uuid7(), name=name.strip(), slug=slug)
    _validate(organization)
    with tenant(organization):
        try:
            organization.save(force_insert=True)
        except IntegrityError as error:
            raise Conflict(f"There is an organization {slug} already. Choose another short name.") from error
        Membership.objects.create(organization=organization, user=owner, role=Role.OWNER)
        after = {"name": organization.name, "slug": slug, "owner": owner.email}
        _record(organization, "organization.create", by, after=after)
    return organization


def suspend(*, organization: Organization, reason: str, by: Actor) -> Organization:
    """Refuse its new work from the next request on; what it has stays readable. Twice is once."""
    if not reason.strip():
        raise InvalidValue("reason", "Say why the organization is suspended.")
    return _set_state(organization, Organization.State.SUSPENDED, "organization.suspend", reason.strip(), by)


def restore(*, organization: Organization, reason: str = "", by: Actor) -> Organization:
    """Let it work again. Twice is once."""
    return _set_state(organization, Organization.State.ACTIVE, "organization.restore", reason.strip(), by)


def _set_state(organization: Organization, state: str, action: str, reason: str, by: Actor) -> Organization:
    with tenant(organization):
        row = Organization.objects.of(organization).select_for_update().first()
        if row is None:
            raise NotFound("There is no such organization.")
        before = row.state
        if before == state:
            return row
        row.state = state
        row.suspended_reason = reason[:500] if state == Organization.State.SUSPENDED else ""
        row.save(update_fields=["state", "suspended_reason"])
        _record(row, action, by, reason=reason, before={"state": before}, after={"state": state})
    return row


def _record(organization: Organization, action: str, by: Actor, **what: Any) -> None:
    auditing.record(
        by=by,
        action=action,
        object_type="organization",
        object_id=organization.pk,
        object_label=organization.slug,
        organization_id=organization.pk,
        **what,
    )


_RULES = {
    "name": "Give the organization a name of 1 to 120 characters.",
    "slug": "The short name has up to 60 lower-case letters, digits and hyphens, and no hyphen first.",
}


def _validate(organization: Organization) -> None:
    try:
        organization.clean_fields()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise InvalidValue(field, _RULES.get(field, messages[0])) from error
