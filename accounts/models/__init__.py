"""Who is asking, and what may they do: users, organizations, members, keys, and their traces."""

from accounts.models.audit import AuditEvent
from accounts.models.keys import AddressWindow, ApiKey, RateWindow
from accounts.models.people import (
    Door,
    Guesses,
    Invitation,
    Membership,
    Mode,
    Organization,
    Role,
    TenantModel,
    User,
    UserManager,
)
from accounts.models.webhooks import (
    CALLBACK,
    PING,
    CallbackSecret,
    Delivery,
    Event,
    InboxItem,
    OutboxMessage,
    WebhookEndpoint,
)

__all__ = [
    "CALLBACK",
    "PING",
    "AddressWindow",
    "ApiKey",
    "AuditEvent",
    "CallbackSecret",
    "Delivery",
    "Door",
    "Event",
    "Guesses",
    "InboxItem",
    "Invitation",
    "Membership",
    "Mode",
    "Organization",
    "OutboxMessage",
    "RateWindow",
    "Role",
    "TenantModel",
    "User",
    "UserManager",
    "WebhookEndpoint",
]
