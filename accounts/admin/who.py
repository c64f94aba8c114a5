"""Which operator asks, and what he may."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.access import OperatorRole, Permission, allowed
from accounts.actions import operators
from accounts.auditing import Actor
from accounts.models import User
from accounts.origin import where


def role_of(request: HttpRequest) -> OperatorRole | None:
    """The role of who asks, read once per request; None for everybody who is no operator."""
    if "operator_role" not in request.__dict__:
        user = request.user
        request.__dict__["operator_role"] = operators.role_of(user) if isinstance(user, User) else None
    kept: OperatorRole | None = request.__dict__["operator_role"]
    return kept


def may(request: HttpRequest, permission: Permission) -> bool:
    """Whether who asks is an operator whose role allows this."""
    role = role_of(request)
    return role is not None and allowed(role, permission)


def actor(request: HttpRequest) -> Actor:
    """Who asks, as the audit trail notes it."""
    assert isinstance(request.user, User)
    return Actor.operator(request.user, **where(request))
