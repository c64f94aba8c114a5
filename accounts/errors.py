"""What can go wrong with who is asking.

AccountsProblem
  AuthError          this key does not open the door (missing, revoked, expired, ...)
  NotAllowed         a member may not do this
  NotFound           there is no such thing, or it belongs to somebody else
  Conflict           the state of things is against it (a taken name, the last owner)
  InvalidValue       a value that cannot be stored as given
"""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID


class AccountsProblem(Exception):
    """The base of this family. `message` is a sentence for the person who asked."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class AuthReason(StrEnum):
    MISSING = "missing"
    INVALID = "invalid"
    REVOKED = "revoked"
    EXPIRED = "expired"
    ORGANIZATION_SUSPENDED = "organization_suspended"
    IP_NOT_ALLOWED = "ip_not_allowed"
    DOOR_NOT_ALLOWED = "door_not_allowed"
    TOO_MANY_TRIES = "too_many_tries"


class AuthError(AccountsProblem):
    """A presented key that is not let in. `reason` is a word a door can translate. Where the key is
    known, `key_id` and `organization_id` say for the history whose door was tried; `retry_after` (seconds)
    is set for one who tried too often."""

    def __init__(
        self,
        reason: AuthReason,
        message: str,
        *,
        key_id: UUID | None = None,
        organization_id: UUID | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.reason, self.key_id, self.organization_id = reason, key_id, organization_id
        self.retry_after = retry_after


class NotAllowed(AccountsProblem):
    """The role of the one who asks does not reach this far."""


class NotFound(AccountsProblem):
    """No such row in this organization."""


class Conflict(AccountsProblem):
    """Refused by the state of things."""


class InvalidValue(AccountsProblem):
    """A value of the wrong form. `field` names it as the verb's parameter does."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
