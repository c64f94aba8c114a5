"""Second factors: who has one, and who must."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator

from accounts.models import Organization, User

_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def has_one(user: User) -> bool:
    """Whether logging in takes more than the password. Recovery codes alone are no factor."""
    return bool(Authenticator.objects.filter(user=user, type__in=_FACTORS).exists())


def having_one(users: Iterable[Any]) -> set[UUID]:
    """Which of these (ids or users) have a second factor."""
    rows = Authenticator.objects.filter(user__in=list(users), type__in=_FACTORS)
    return set(rows.values_list("user_id", flat=True))


def missing(organization: Organization, user: User) -> bool:
    """Whether the organization asks for a second factor that this person has not set up."""
    return organization.require_two_factors and not has_one(user)
