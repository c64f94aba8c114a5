"""Who changed what."""

from __future__ import annotations

import json
import re
from typing import Any

from django.contrib import admin
from django.db.models import Q

from accounts.access import Permission
from accounts.admin import search
from accounts.admin.base import ReadOnlyAdmin
from accounts.admin.columns import ago, changes, column, mono, organization, plain
from accounts.admin.exporting import Field
from accounts.admin.filters import choice, recent
from accounts.admin.names import named_organization
from accounts.auditing import ActorType
from accounts.models import AuditEvent

_ID = re.compile(r"^(?:[0-9a-f]{8}-[0-9a-f-]{27}|\d+)$")


def _action(term: str) -> Q | None:
    return Q(action=term.lower()) if "." in term and "@" not in term else None


def _object(term: str) -> Q | None:
    """What happened to one thing, by its id."""
    return Q(object_id=term) if _ID.match(term) else None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if value else ""


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Audit log", "policy", Permission.AUDIT_READ
    of_organization = "organization_id"
    search_help_text = "Organization, action, or id of its object"
    list_filter = (
        choice("actor_type", [(word, word.capitalize()) for word in ActorType], title="actor"),
        recent("at"),
    )

    finders = (_action, _object, search.by_organization)
    subject = column("Object", lambda row: f"{row.object_type} {row.object_label}".strip())
    list_display = (
        mono("action"), subject, column("By", lambda row: row.actor_label or row.actor_type, "actor"),
        organization(name="organization_name"), plain("reason"), ago("at", "When"),
    )  # fmt: skip
    export = (
        Field("id", lambda row: row.pk), Field("at", lambda row: row.at),
        Field("organization", lambda row: row.organization_name), Field("action", lambda row: row.action),
        Field("object_type", lambda row: row.object_type), Field("object_id", lambda row: row.object_id),
        Field("object", lambda row: row.object_label), Field("by", lambda row: row.actor_label),
        Field("by_type", lambda row: row.actor_type), Field("address", lambda row: row.ip),
        Field("request_id", lambda row: row.request_id), Field("reason", lambda row: row.reason),
        Field("before", lambda row: _json(row.before)), Field("after", lambda row: _json(row.after)),
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
