"""Keys at the doors: where they may stand, and what a refused one means."""

from __future__ import annotations

from accounts.errors import AuthError, AuthReason
from generations.dialect import Incoming
from generations.errors import Problem
from generations.spec import Kind

_KINDS = {
    AuthReason.MISSING: Kind.AUTH_MISSING,
    AuthReason.INVALID: Kind.AUTH_INVALID,
    AuthReason.REVOKED: Kind.KEY_DISABLED,
    AuthReason.EXPIRED: Kind.KEY_EXPIRED,
    AuthReason.IP_NOT_ALLOWED: Kind.IP_NOT_ALLOWED,
    AuthReason.DOOR_NOT_ALLOWED: Kind.FORBIDDEN,
    AuthReason.ORGANIZATION_SUSPENDED: Kind.ORGANIZATION_SUSPENDED,
    AuthReason.TOO_MANY_TRIES: Kind.RATE_LIMITED,
}


def problem_of(error: AuthError) -> Problem:
    """The refusal as something a dialect can word."""
    kind = _KINDS.get(error.reason, Kind.AUTH_INVALID)
    return Problem(kind, str(error), retry_after=error.retry_after)


def bare_keys(request: Incoming) -> tuple[str, ...]:
    """Every key a request carries in any form, for the bare root, where the key names the door."""
    bearer = request.headers.get("authorization", "")
    found = [bearer[7:].strip() if bearer[:7].lower() == "bearer " else ""]
    found += [request.headers.get("x-api-key", ""), request.headers.get("x-goog-api-key", "")]
    found.append(request.query.get("key", ""))
    return tuple(key for key in found if key)
