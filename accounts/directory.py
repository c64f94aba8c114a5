"""Who is who: the reads that lead to an organization."""

from __future__ import annotations

from accounts.errors import NotFound
from accounts.models import ApiKey, Membership, Organization, User
from runtime.tenancy import operator, possession, tenant


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
