"""What each role may do: one table, consulted by one function."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from accounts.models import Role


class OperatorRole(StrEnum):
    """The people who run the platform. Prompts and images are for the superuser, and for those who may
    break the glass: one organization, a reason, half an hour. The auditor reads everything else and
    changes nothing."""

    SUPPORT = "support"
    FINANCE = "finance"
    OPERATIONS = "operations"
    AUDITOR = "auditor"
    SUPERUSER = "superuser"


class Permission(StrEnum):
    """NOUN_VERB."""

    USAGE_READ = "usage_read"
    GENERATION_READ = "generation_read"
    IMAGE_READ = "image_read"
    GENERATION_SUBMIT = "generation_submit"
    GENERATION_CANCEL = "generation_cancel"
    KEY_READ = "key_read"
    KEY_MANAGE = "key_manage"
    KEY_MANAGE_OWN = "key_manage_own"
    KEY_REVOKE = "key_revoke"
    ENDPOINT_MANAGE = "endpoint_manage"
    ENDPOINT_DISABLE = "endpoint_disable"
    MEMBER_MANAGE = "member_manage"
    CREDIT_MANAGE = "credit_manage"
    REFUND_MAKE = "refund_make"
    EXPORT_MAKE = "export_make"
    EXPORT_BILLING = "export_billing"
    AUDIT_READ = "audit_read"
    ORGANIZATION_SUSPEND = "organization_suspend"
    ORGANIZATION_TRANSFER = "organization_transfer"
    ORGANIZATION_DELETE = "organization_delete"
    PLATFORM_READ = "platform_read"
    GLASS_BREAK = "glass_break"
    GENERATION_REPLAY = "generation_replay"
    MESSAGE_REDELIVER = "message_redeliver"
    QUEUE_MANAGE = "queue_manage"
    CATALOGUE_MANAGE = "catalogue_manage"
    PRICE_SET = "price_set"


class KeyScope(StrEnum):
    """What a key that generates may be limited to. A key without scopes has them all."""

    IMAGES_CREATE = "images:create"
    IMAGES_READ = "images:read"
    UPLOADS_WRITE = "uploads:write"
    CALLBACKS_MANAGE = "callbacks:manage"
    USAGE_READ = "usage:read"


class ManagementScope(StrEnum):
    """What a management key may do. The two families never meet in one key: who manages does not
    generate, who generates does not manage (K15)."""

    READ = "manage:read"
    WRITE = "manage:write"


def _roles(text: str) -> frozenset[str]:
    return frozenset(text.split())


_EVERYTHING: Final = frozenset({OperatorRole.SUPERUSER})
_TABLE: Final[dict[Permission, frozenset[str]]] = {
    Permission.USAGE_READ: _roles("owner admin developer billing viewer support finance operations auditor"),
    Permission.GENERATION_READ: _roles("owner admin developer viewer support operations auditor"),
    Permission.IMAGE_READ: _roles("owner admin developer viewer"),
    Permission.GENERATION_SUBMIT: _roles("owner admin developer"),
    Permission.GENERATION_CANCEL: _roles("owner admin developer operations"),
    Permission.KEY_READ: _roles("owner admin developer support operations auditor"),
    Permission.KEY_MANAGE: _roles("owner admin"),
    Permission.KEY_MANAGE_OWN: _roles("owner admin developer"),
    Permission.KEY_REVOKE: _roles("owner admin support operations"),
    Permission.ENDPOINT_MANAGE: _roles("owner admin developer"),
    Permission.ENDPOINT_DISABLE: _roles("owner admin developer operations"),
    Permission.MEMBER_MANAGE: _roles("owner admin"),
    Permission.CREDIT_MANAGE: _roles("owner billing finance"),
    Permission.REFUND_MAKE: _roles("finance"),
    Permission.EXPORT_MAKE: _roles("owner admin finance"),
    Permission.EXPORT_BILLING: _roles("owner admin billing finance"),
    Permission.AUDIT_READ: _roles("owner admin support finance operations auditor"),
    Permission.ORGANIZATION_SUSPEND: _roles("operations"),
    Permission.ORGANIZATION_TRANSFER: _roles("owner"),
    Permission.ORGANIZATION_DELETE: _roles("owner"),
    Permission.PLATFORM_READ: _roles("support finance operations auditor"),
    Permission.GLASS_BREAK: _roles("support operations"),
    Permission.GENERATION_REPLAY: _roles("operations"),
    Permission.MESSAGE_REDELIVER: _roles("owner admin developer support operations"),
    Permission.QUEUE_MANAGE: _roles("operations"),
    Permission.CATALOGUE_MANAGE: _roles("operations"),
    Permission.PRICE_SET: _roles("finance"),
}

_NEEDED: Final[dict[str, Permission]] = {
    KeyScope.IMAGES_CREATE: Permission.GENERATION_SUBMIT,
    KeyScope.IMAGES_READ: Permission.IMAGE_READ,
    KeyScope.UPLOADS_WRITE: Permission.GENERATION_SUBMIT,
    KeyScope.CALLBACKS_MANAGE: Permission.ENDPOINT_MANAGE,
    KeyScope.USAGE_READ: Permission.USAGE_READ,
    ManagementScope.READ: Permission.USAGE_READ,
    ManagementScope.WRITE: Permission.KEY_MANAGE_OWN,
}

_RANKS: Final[dict[str, int]] = {Role.OWNER: 3, Role.ADMIN: 2}


def allowed(role: str, permission: Permission) -> bool:
    """Whether somebody of this role (of a team, or of the operators) may do this."""
    return role in _TABLE[permission] or role in _EVERYTHING


def rank(role: str) -> int:
    """How high a team role stands. Nobody touches a role above his own."""
    return _RANKS.get(role, 1)


def manages(scopes: Iterable[str]) -> bool:
    """Whether these are the scopes of a management key."""
    return any(scope in list(ManagementScope) for scope in scopes)


def effective_scopes(scopes: Iterable[str], role: str | None = None) -> frozenset[str]:
    """The scopes a key really has: its own (none listed: all that generate), cut to what the role of
    the member it belongs to allows today. `role` is None for a key of the organization."""
    own = frozenset(scopes) or frozenset(KeyScope)
    if role is None:
        return own
    return frozenset(scope for scope in own if scope in _NEEDED and allowed(role, _NEEDED[scope]))
