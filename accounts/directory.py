"""Who is who: the reads that lead to an organization."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from accounts import keys
from accounts.errors import NotFound
from accounts.models import ApiKey, AuditEvent, Membership, Organization, Role, User
from runtime.clock import utc_now
from runtime.slices import Place, Slice, cut
from runtime.tenancy import operator, possession, tenant

FIRST = UUID(int=0)


def organization_by_slug(slug: str) -> Organization:
    """For commands and operators. Raises NotFound."""
    with operator():
        organization = Organization.objects.across().filter(slug=slug).first()
    if organization is None:
        raise NotFound(f"There is no organization {slug}.")
    return organization


def memberships_of(user: User) -> list[Membership]:
    """Where this person belongs, each with its organization, in the order of joining."""
    with possession(user=user.pk):
        rows = Membership.objects.across().filter(user=user)
        return list(rows.select_related("organization").order_by("created_at", "id"))


def keys_of(organization: Organization) -> list[ApiKey]:
    """The keys of an organization that were not revoked, newest first."""
    with tenant(organization):
        return list(ApiKey.objects.of(organization).filter(revoked_at=None).order_by("-created_at", "-id"))


def organization_of(organization: UUID) -> Organization:
    """The organization as it is now. Raises NotFound."""
    with tenant(organization):
        row = Organization.objects.of(organization).first()
    if row is None:
        raise NotFound("There is no such organization.")
    return row


def members_of(organization: Organization, *, after: UUID | None, size: int) -> list[Membership]:
    """Up to `size` members with their users, in the order of joining, those after a membership's id."""
    with tenant(organization):
        rows = Membership.objects.of(organization).select_related("user").order_by("id")
        return list(rows.filter(id__gt=after or FIRST)[:size])


def membership_of(organization: Organization, user: UUID) -> Membership:
    """A person's membership here, with the user. Raises NotFound."""
    with tenant(organization):
        row = Membership.objects.of(organization).select_related("user").filter(user_id=user).first()
    if row is None:
        raise NotFound("There is no such member.")
    return row


def keys_page(
    organization: Organization, mode: str, *, state: str, before: UUID | None, size: int
) -> list[ApiKey]:
    """Up to `size` keys of a mode, newest first, those before a key's id. `state` is `active`, `revoked`
    or `all`."""
    with tenant(organization):
        rows = ApiKey.objects.of(organization).filter(mode=mode)
        if state != "all":
            rows = rows.filter(revoked_at__isnull=state == "active")
        if before is not None:
            rows = rows.filter(id__lt=before)
        return list(rows.order_by("-id")[:size])


def key_of(organization: Organization, mode: str, key: UUID) -> ApiKey:
    """A key of this organization and mode, revoked or not. Raises NotFound."""
    with tenant(organization):
        row = ApiKey.objects.of(organization).filter(mode=mode, pk=key).first()
    if row is None:
        raise NotFound("There is no such key.")
    return row


def heads_of(organization: UUID) -> list[str]:
    """The addresses of the owners and admins, who are told what must not wait."""
    with tenant(organization):
        heads = Membership.objects.of(organization).filter(role__in=(Role.OWNER, Role.ADMIN))
        return list(heads.filter(user__is_active=True).order_by("id").values_list("user__email", flat=True))


# ---- keys as their pages show them -----------------------------------------------------------

KEY_STATES: Final = ("active", "suspended", "expired", "revoked", "all")


@dataclass(frozen=True, slots=True)
class Holding:
    """A key that somebody asked about, and which of its secrets it was: `current`, `previous` or, when
    only its beginning was known, empty."""

    key: ApiKey
    secret: str = ""


def keys_slice(
    organization: Organization, mode: str, state: str, place: Place, *, size: int
) -> Slice[ApiKey]:
    """Keys of a mode in a state of KEY_STATES (`active`: neither revoked nor suspended nor expired), newest
    first, each with whose it is."""
    with tenant(organization):
        rows = ApiKey.objects.of(organization).filter(_in_state(state, utc_now()), mode=mode)
        return cut(rows.select_related("member"), place, size)


def key_counts(organization: Organization, mode: str) -> dict[str, int]:
    """How many keys of a mode there are in each state of KEY_STATES."""
    now = utc_now()
    with tenant(organization):
        rows = ApiKey.objects.of(organization).filter(mode=mode)
        return rows.aggregate(**{state: Count("pk", filter=_in_state(state, now)) for state in KEY_STATES})


def _in_state(state: str, now: datetime) -> Q:
    suspended = Q(revoked_at=None, suspended_at__isnull=False)
    expired = Q(revoked_at=None, suspended_at=None, expires_at__lte=now)
    known = {
        "active": Q(revoked_at=None, suspended_at=None) & ~expired,
        "suspended": suspended,
        "expired": expired,
        "revoked": Q(revoked_at__isnull=False),
    }
    return known.get(state, Q(pk__isnull=False))


def keys_like(organization: Organization, text: str, *, size: int) -> list[Holding]:
    """Whose key this is: by the whole secret, of today or from before the last rotation, or by its
    beginning (three letters after `easel_live_` at least), in either mode. A whole key that is not of
    this organization finds nothing."""
    with tenant(organization):
        rows = ApiKey.objects.of(organization).select_related("member", "created_by")
        if keys.well_formed(text):
            return _by_secret(rows, text)
        return [Holding(key) for key in _by_beginning(rows, text).order_by("-pk")[:size]]


def _by_secret(rows: QuerySet[ApiKey], text: str) -> list[Holding]:
    digests = [digest for digest, _ in keys.digests(text)]
    found = rows.filter(Q(digest__in=digests) | Q(previous_digest__in=digests))
    return [Holding(key, "current" if bytes(key.digest) in digests else "previous") for key in found]


FEWEST_LETTERS: Final = 3


def _by_beginning(rows: QuerySet[ApiKey], text: str) -> QuerySet[ApiKey]:
    """By as much of the public id as was given; what comes after it is secret and is not looked at."""
    public = text.strip(".…").removeprefix("easel_").removeprefix("live_").removeprefix("test_")
    if len(public) < FEWEST_LETTERS or not public.isalnum():
        return rows.none()
    return rows.filter(public_id__startswith=public[: keys.PUBLIC_LETTERS])


def whole_key(organization: Organization, mode: str, key: UUID) -> ApiKey:
    """As `key_of`, with whose it is and who made it. Raises NotFound."""
    with tenant(organization):
        rows = ApiKey.objects.of(organization).select_related("member", "created_by")
        row = rows.filter(mode=mode, pk=key).first()
    if row is None:
        raise NotFound("There is no such key.")
    return row


def key_events(organization: Organization, key: UUID, *, size: int) -> list[AuditEvent]:
    """The newest lines of the audit trail about a key and its budgets."""
    about = Q(object_type="key", object_id=str(key)) | Q(object_type="wallet", after__key=str(key))
    about |= Q(object_type="wallet", before__key=str(key))
    with tenant(organization):
        return list(AuditEvent.objects.of(organization).filter(about).order_by("-id")[:size])


# ---- names, for what was kept by id ------------------------------------------------------------


def key_names(organization: Organization, wanted: Iterable[UUID]) -> dict[UUID, str]:
    """What these keys are called, revoked ones too."""
    with tenant(organization):
        rows = ApiKey.objects.of(organization).filter(pk__in=[*wanted])
        return dict(rows.values_list("pk", "name"))


def member_names(organization: Organization, wanted: Iterable[UUID]) -> dict[UUID, str]:
    """The addresses of these people, as far as they are members today."""
    with tenant(organization):
        rows = Membership.objects.of(organization).filter(user__in=[*wanted])
        return dict(rows.values_list("user_id", "user__email"))
