"""Who belongs to an organization, and who is invited: as its pages show it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Count, F, Max, Q, QuerySet

from accounts.errors import NotFound
from accounts.factors import having_one
from accounts.models import ApiKey, Invitation, Membership, Organization, Role
from runtime.clock import utc_now
from runtime.slices import Place, Slice, cut
from runtime.tenancy import tenant

INVITATION_STATES: Final = ("open", "accepted", "expired", "revoked", "all")


@dataclass(frozen=True, slots=True)
class Person:
    """A member: his membership with the user, whether he has a second factor, how many personal keys end
    with the membership, and when the newest of them was used."""

    membership: Membership
    two_factors: bool
    keys: int
    key_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class People:
    """A page of them, and how many there are of each role."""

    rows: list[Person]
    slice: Slice[Membership]
    roles: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.roles.values())


def people(
    organization: Organization, place: Place, *, search: str = "", role: str = "", size: int
) -> People:
    """Members whose name or address has `search` in it and whose role is `role` (empty: any), who joined
    last first."""
    with tenant(organization):
        all_of_them = Membership.objects.of(organization)
        found = cut(_matching(all_of_them.select_related("user"), search, role), place, size)
        roles = dict(all_of_them.values_list("role").annotate(Count("pk")).order_by())
        keys = _keys_of(organization, [row.user_id for row in found.rows])
    return People(_persons(found.rows, keys), found, {each.value: roles.get(each, 0) for each in Role})


def person(organization: Organization, user: UUID) -> Person:
    """One of them. Raises NotFound."""
    with tenant(organization):
        row = Membership.objects.of(organization).select_related("user").filter(user_id=user).first()
        if row is None:
            raise NotFound("There is no such member.")
        keys = _keys_of(organization, [user])
    return _persons([row], keys)[0]


def personal_keys(organization: Organization, user: UUID) -> list[ApiKey]:
    """The keys that end with somebody's membership, in both modes, newest first."""
    with tenant(organization):
        rows = ApiKey.objects.of(organization).filter(member_id=user, revoked_at=None)
        return list(rows.order_by("-pk"))


def heirs(organization: Organization, giver: UUID) -> list[Membership]:
    """To whom a team can be handed: every other member, by address."""
    with tenant(organization):
        rows = Membership.objects.of(organization).select_related("user").exclude(user_id=giver)
        return list(rows.filter(user__is_active=True).order_by("user__email"))


def without_factor(organization: Organization) -> list[Membership]:
    """Members who would have to set up a second factor first, by address."""
    with tenant(organization):
        rows = list(Membership.objects.of(organization).select_related("user").order_by("user__email"))
    protected = having_one(row.user_id for row in rows)
    return [row for row in rows if row.user_id not in protected]


# ---- invitations -----------------------------------------------------------------------------


def invitations(organization: Organization, state: str, place: Place, *, size: int) -> Slice[Invitation]:
    """Those in a state of INVITATION_STATES, the latest first."""
    with tenant(organization):
        return cut(Invitation.objects.of(organization).filter(_in_state(state)), place, size)


def invitation_counts(organization: Organization) -> dict[str, int]:
    """How many there are in each state."""
    with tenant(organization):
        rows = Invitation.objects.of(organization)
        return rows.aggregate(**{each: Count("pk", filter=_in_state(each)) for each in INVITATION_STATES})


def invitation(organization: Organization, identifier: UUID) -> Invitation:
    """One of them, in whatever state. Raises NotFound."""
    with tenant(organization):
        row = Invitation.objects.of(organization).filter(pk=identifier).first()
    if row is None:
        raise NotFound("There is no such invitation.")
    return row


def _in_state(state: str) -> Q:
    unanswered = Q(accepted_at=None, revoked_at=None)
    known = {
        "open": unanswered & Q(expires_at__gt=utc_now()),
        "expired": unanswered & Q(expires_at__lte=utc_now()),
        "accepted": Q(accepted_at__isnull=False),
        "revoked": Q(revoked_at__isnull=False),
    }
    return known.get(state, Q(pk__isnull=False))


def _matching(rows: QuerySet[Membership], search: str, role: str) -> QuerySet[Membership]:
    if search:
        rows = rows.filter(Q(user__email__icontains=search) | Q(user__name__icontains=search))
    return rows.filter(role=role) if role else rows


def _keys_of(
    organization: Organization, users: Collection[UUID]
) -> dict[UUID | None, tuple[int, datetime | None]]:
    rows = ApiKey.objects.of(organization).filter(member_id__in=users, revoked_at=None)
    counted = rows.values(user=F("member_id")).annotate(keys=Count("pk"), used=Max("last_used_at"))
    return {row["user"]: (row["keys"], row["used"]) for row in counted.order_by()}


def _persons(
    rows: Collection[Membership], keys: dict[UUID | None, tuple[int, datetime | None]]
) -> list[Person]:
    protected = having_one(row.user_id for row in rows)
    return [Person(row, row.user_id in protected, *keys.get(row.user_id, (0, None))) for row in rows]
