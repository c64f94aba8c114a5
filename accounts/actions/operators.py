"""The people who run the platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction

from accounts import auditing
from accounts.access import OperatorRole
from accounts.actions import users
from accounts.auditing import Actor
from accounts.errors import Conflict, InvalidValue
from accounts.models import Organization, User
from runtime.tenancy import tenant

SHORTEST_REASON = 10


def create(*, email: str, role: str, by: Actor, password: str = "") -> tuple[User, str | None]:
    """An operator's login. Without a `password`, a new person gets one to be shown once, and
    somebody who has a login already keeps his (None).

    Raises InvalidValue (address, role, weak password), Conflict (an operator already).
    """
    if role not in list(OperatorRole):
        raise InvalidValue("role", f"{role!r} is no role. Use one of: {', '.join(OperatorRole)}.")
    with transaction.atomic():
        user, one_time = users.ensure(email=email)
        if user.is_staff:
            raise Conflict(f"{user.email} is an operator already.")
        if password:
            users.set_password(user=user, password=password)
            one_time = None
        user.is_staff = True
        user.save(update_fields=["is_staff"])
        user.groups.add(Group.objects.get_or_create(name=role)[0])
        _record("operator.create", user, by, after={"role": role})
    return user, one_time


def assign(*, user: User, role: OperatorRole, by: Actor) -> None:
    """Give an operator another role; his present one again changes nothing."""
    present = role_of(user)
    if present == role:
        return
    with transaction.atomic():
        user.groups.set([Group.objects.get_or_create(name=role)[0]])
        _record("operator.assign", user, by, before={"role": present}, after={"role": role})


def break_glass(*, organization: Organization, reason: str, minutes: int, by: Actor) -> None:
    """Note that an operator looks at the prompts and pictures of an organization for a while, and why: its
    own audit trail has it. Raises InvalidValue."""
    reason = reason.strip()
    if len(reason) < SHORTEST_REASON:
        raise InvalidValue("reason", f"Say why in {SHORTEST_REASON} characters or more: the team reads it.")
    with tenant(organization):
        auditing.record(
            by=by,
            action="glass.break",
            object_type="organization",
            object_id=organization.pk,
            object_label=organization.slug,
            organization_id=organization.pk,
            reason=reason,
            after={"minutes": minutes},
        )


def role_of(user: User) -> OperatorRole | None:
    """The operator's role, None for everybody else. Its rights are those of `access.allowed`."""
    if not (user.is_active and user.is_staff):
        return None
    names = {group.name for group in user.groups.all()}
    return next((role for role in OperatorRole if role in names), None)


def _record(action: str, user: User, by: Actor, **changes: Mapping[str, Any]) -> None:
    auditing.record(
        by=by,
        action=action,
        object_type="operator",
        object_id=user.pk,
        object_label=user.email,
        **changes,  # type: ignore[arg-type]  # only `before` and `after`
    )
