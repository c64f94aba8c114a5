"""The fixed cast: an owner, a developer, a viewer, and a stranger who must see nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from accounts.actions import keys, members, organizations
from accounts.auditing import Actor
from accounts.models import Organization, Role, User
from billing import actions as billing
from runtime import ids

BY = Actor.system("test")
IMAGE = 38_700_000
"""Nano-dollars of one gemini-2.5-flash-image: 1290 tokens at 30,000."""


@dataclass(frozen=True)
class Cast:
    """The people of a test and their organizations."""

    organization: Organization
    owner: User
    developer: User
    viewer: User
    stranger: User
    strangers: Organization

    def key(self, mode: str = "live", **limits: Any) -> str:
        """A fresh key of the organization, in the clear."""
        return make_key(self.organization, mode, **limits)

    def strangers_key(self, mode: str = "live") -> str:
        return make_key(self.strangers, mode)

    def credit(self, images: int) -> None:
        """Credit for so many images of the usual model."""
        give_credit(self.organization, images)


def make_cast() -> Cast:
    owner, developer, viewer, stranger = (make_user(n) for n in ("owner", "developer", "viewer", "stranger"))
    organization, strangers = make_organization(owner), make_organization(stranger)
    members.add(organization=organization, user=developer, role=Role.DEVELOPER, by=BY)
    members.add(organization=organization, user=viewer, role=Role.VIEWER, by=BY)
    return Cast(organization, owner, developer, viewer, stranger, strangers)


def make_user(name: str) -> User:
    """Somebody without a password: hashing one takes most of a second of a busy machine."""
    return User.objects.create_user(f"{name}-{ids.word(8, ids.BASE36)}@example.test")


def make_organization(owner: User) -> Organization:
    slug = f"o-{ids.word(10, ids.BASE36)}"
    return organizations.create(name=f"Team {slug}", slug=slug, owner=owner, by=BY)


def make_key(organization: Organization, mode: str = "live", **limits: Any) -> str:
    _, plain = keys.create(organization=organization, mode=mode, name="test", by=BY, **limits)
    return plain


def give_credit(organization: Organization, images: int) -> None:
    billing.grant(organization=organization, amount=images * IMAGE, reason="test", by=BY)
