"""Who manages: a management key, or a member in the pages."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from accounts.access import Permission, allowed
from accounts.auditing import Actor
from accounts.limits import Allowance
from accounts.models import Organization, User


@dataclass(frozen=True, slots=True)
class Manager:
    """Whose organization and mode it is about, with which scopes and which role. A key of the
    organization stands as an admin; a personal one as its member. `user` is the member behind it."""

    organization: Organization
    mode: str
    role: str
    scopes: frozenset[str]
    actor: Actor
    allowance: Allowance
    user: UUID | None = None
    key: UUID | None = None

    def may(self, permission: Permission) -> bool:
        """Whether the role reaches this far."""
        return allowed(self.role, permission)

    def member(self) -> User | None:
        """The member, read afresh."""
        return User.objects.filter(pk=self.user).first() if self.user else None
