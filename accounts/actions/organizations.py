"""Making an organization, what it may be told about itself, and stopping it."""

from __future__ import annotations

from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils.text import slugify

from accounts import auditing
from accounts.auditing import Actor
from accounts.errors import Conflict, InvalidValue, NotFound
from accounts.models import Membership, Organization, Role, User
from runtime.ids import BASE36, uuid7, word
from runtime.tenancy import tenant

SLUG_LETTERS: Final = 40
RESERVED: Final = frozenset({"admin", "api", "docs", "easel", "new", "support", "www"})
"""Short names that would read like ours."""
FOREVER_HOURS: Final = 100 * 366 * 24


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


def found(*, name: str, owner: User, by: Actor) -> Organization:
    """As `create`, with a short name made from the name: the plain one if it is free, else with a few
    letters of chance behind it. Raises InvalidValue for a bad name."""
    plain = slugify(name)[:SLUG_LETTERS].strip("-_").replace("_", "-") or "team"
    if plain not in RESERVED:
        try:
            return create(name=name, slug=plain, owner=owner, by=by)
        except Conflict:
            pass
    return create(name=name, slug=f"{plain}-{word(6, BASE36)}", owner=owner, by=by)


def rename(*, organization: Organization, name: str, by: Actor) -> Organization:
    """Give it another name; the short one stays. Raises InvalidValue, NotFound."""
    with tenant(organization):
        row = _locked(organization)
        before, row.name = row.name, name.strip()
        _validate(row)
        if row.name != before:
            row.save(update_fields=["name"])
            _record(row, "organization.rename", by, before={"name": before}, after={"name": row.name})
    return row


def set_retention(
    *, organization: Organization, image_hours: int | None, body_hours: int | None, by: Actor
) -> Organization:
    """How long images (1 hour or more) and bodies of requests (0: not at all) are kept, in hours; None: as
    long as the platform keeps them. Counts for what is made from now on. Raises InvalidValue, NotFound."""
    if image_hours is not None and not 1 <= image_hours <= FOREVER_HOURS:
        raise InvalidValue("image_hours", "Images are kept for one hour at least.")
    if body_hours is not None and not 0 <= body_hours <= FOREVER_HOURS:
        raise InvalidValue("body_hours", "Keep bodies for some hours, or 0 to keep none.")
    return _set(
        organization,
        "organization.set_retention",
        by,
        image_retention_hours=image_hours,
        body_retention_hours=body_hours,
    )


def require_two_factors(*, organization: Organization, required: bool, by: Actor) -> Organization:
    """Whether members need a second factor before they see any page of it. Raises NotFound."""
    return _set(organization, "organization.require_two_factors", by, require_two_factors=required)


def _set(organization: Organization, action: str, by: Actor, **wanted: Any) -> Organization:
    with tenant(organization):
        row = _locked(organization)
        before = {name: getattr(row, name) for name in wanted if getattr(row, name) != wanted[name]}
        if before:
            for name in before:
                setattr(row, name, wanted[name])
            row.save(update_fields=list(before))
            _record(row, action, by, before=before, after={name: wanted[name] for name in before})
    return row


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
        row = _locked(organization)
        before = row.state
        if before == state:
            return row
        row.state = state
        row.suspended_reason = reason[:500] if state == Organization.State.SUSPENDED else ""
        row.save(update_fields=["state", "suspended_reason"])
        _record(row, action, by, reason=reason, before={"state": before}, after={"state": state})
    return row


def _locked(organization: Organization) -> Organization:
    row = Organization.objects.of(organization).select_for_update().first()
    if row is None:
        raise NotFound("There is no such organization.")
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
