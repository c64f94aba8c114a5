"""Who changed what, and what waits to leave the house."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q

from accounts.access import Permission
from accounts.admin import search
from accounts.admin.base import ReadOnlyAdmin
from accounts.admin.columns import (
    ago,
    changes,
    column,
    count,
    mode,
    mono,
    organization,
    plain,
    without_query,
    words,
)
from accounts.admin.filters import RecentById, choice, recent
from accounts.admin.names import named_organization
from accounts.auditing import ActorType
from accounts.models import AuditEvent, Mode, OutboxMessage

SENT = {"pending": "wait", "delivered": "good", "dead": "bad"}


def _action(term: str) -> Q | None:
    return Q(action=term.lower()) if "." in term and "@" not in term else None


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Audit log", "policy", Permission.AUDIT_READ
    of_organization = "organization_id"
    search_help_text = "Organization or action"
    list_filter = (
        choice("actor_type", [(word, word.capitalize()) for word in ActorType], title="actor"),
        recent("at"),
    )

    finders = (_action, search.by_organization)
    subject = column("Object", lambda row: f"{row.object_type} {row.object_label}".strip())
    list_display = (
        mono("action"), subject, column("By", lambda row: row.actor_label or row.actor_type, "actor"),
        organization(name="organization_name"), plain("reason"), ago("at", "When"),
    )  # fmt: skip
    groups = (
        ("Event", (
            mono("action"), subject, mono("object_id"), organization(name="organization_name"),
            plain("reason"),
        )),
        ("Changed", (changes("before"), changes("after"))),
        ("By", (
            plain("actor_label", "Who"), plain("actor_type", "Kind"), mono("actor_id", "Id"),
            mono("ip", "Address"), plain("agent"), mono("request_id", "Request"), ago("at", "When"),
        )),
    )  # fmt: skip

    def extras(self) -> dict[str, Any]:
        return {"organization_name": named_organization()}


@admin.register(OutboxMessage)
class OutboxAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Outbox", "outbox", Permission.GENERATION_READ
    joins, secrets = ("organization",), ("body",)
    list_filter = (choice("state", OutboxMessage.State.choices), choice("mode", Mode.choices), RecentById)
    search_help_text = "Organization"
    finders = (search.by_organization,)
    target = column("To", lambda row: without_query(row.url), "target")
    list_display = (
        mono("event"), organization(), words("state", SENT), target, count("attempts", "Tries"),
        ago("created_at"),
    )  # fmt: skip
    groups = (
        ("Message", (mono("event"), organization(), mode(), words("state", SENT), target)),
        ("Delivery", (
            count("attempts", "Tries"), count("claims"), ago("next_at", "Next try"), ago("claimed_until"),
            mono("generation_id"), ago("created_at"), mono("id", "Id"),
        )),
    )  # fmt: skip
