"""API keys over all organizations, and what operators may do to one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from accounts.access import Permission
from accounts.actions import keys
from accounts.admin import search
from accounts.admin.base import ReadOnlyAdmin
from accounts.admin.columns import (
    ago,
    code,
    column,
    count,
    link,
    listed,
    mode,
    moment,
    mono,
    organization,
    plain,
    tag,
)
from accounts.admin.deeds import Deed, Values
from accounts.admin.filters import RecentById, choice
from accounts.admin.who import actor
from accounts.models import ApiKey, Door, Mode

NOW = "from the next request on"


def _label(row: Any) -> str:
    return f"{row.name} ({row.prefix}…) of {row.organization.name}"


class Suspend(Deed):
    name, title, icon, grave = "suspend", "Suspend", "pause_circle", True
    permission = Permission.KEY_REVOKE
    says = f"The key is refused {NOW}. What it ordered already goes on. You can restore it."

    def problem(self, row: Any) -> str:
        return "it is revoked." if row.revoked_at else "it is suspended already." if row.suspended_at else ""

    def label(self, row: Any) -> str:
        return _label(row)

    def effect(self, row: Any, values: Values) -> str:
        return f"Refused {NOW}."

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        keys.suspend(key=row, reason=values["reason"], by=actor(request))

    def done(self, count: int) -> str:
        return "The key is suspended." if count == 1 else f"{count:,} keys are suspended."


class Restore(Suspend):
    name, title, icon, grave = "restore", "Restore", "play_circle", False
    says = "The key works again from the next request on."

    def problem(self, row: Any) -> str:
        return "it is revoked, for good." if row.revoked_at else "" if row.suspended_at else "it works."

    def effect(self, row: Any, values: Values) -> str:
        return f"Works {NOW}. It was suspended because: {row.suspended_reason}"

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        keys.restore(key=row, reason=values["reason"], by=actor(request))

    def done(self, count: int) -> str:
        return "The key works again." if count == 1 else f"{count:,} keys work again."


class Revoke(Suspend):
    name, title, icon = "revoke", "Revoke", "block"
    says = "For good: nobody can bring a revoked key back. Its team makes a new one."

    def problem(self, row: Any) -> str:
        return "it is revoked already." if row.revoked_at else ""

    def effect(self, row: Any, values: Values) -> str:
        return f"Refused {NOW}, for good."

    def word(self, rows: Sequence[Any]) -> str:
        return str(rows[0].name) if len(rows) == 1 else f"revoke {len(rows)} keys"

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        keys.revoke(key=row, reason=values["reason"], by=actor(request))

    def done(self, count: int) -> str:
        return "The key is revoked." if count == 1 else f"{count:,} keys are revoked."


def _matching(term: str) -> Q | None:
    found = search.keys(term)
    return Q(pk__in=[key.pk for key in found]) if found else Q(name__iexact=term)


def _state(row: Any) -> SafeString:
    now = timezone.now()
    if row.revoked_at:
        return tag("revoked", "bad")
    if row.suspended_at:
        return tag("suspended", "bad")
    if row.expires_at and row.expires_at <= now:
        return tag("expired", "bad")
    rotating = row.rotated and row.previous_expires_at and row.previous_expires_at > now
    return tag("rotating", "warn") if rotating else tag("works", "good")


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    heading, icon, permission = "API keys", "key", Permission.KEY_READ
    called = "name"
    joins = ("organization", "member", "created_by")
    secrets = ("digest", "previous_digest", "pepper", "member__password", "created_by__password")
    list_filter = (choice("mode", Mode.choices), choice("home_door", Door.choices), RecentById)
    search_help_text = "Key, its prefix, name, or organization"

    finders = (_matching, search.by_organization)
    deeds = (Suspend(), Restore(), Revoke())
    state = column("State", _state)
    prefix = column("Key", lambda row: code(f"{row.prefix}…{row.last_four}"))
    list_display = (
        plain("name"), prefix, organization(), mode(), state,
        plain("home_door"), ago("last_used_at"), ago("created_at"),
    )  # fmt: skip
    groups = (
        ("Key", (
            plain("name"), prefix, organization(), mode(), state, plain("revoked_reason"),
            plain("suspended_reason"),
        )),
        ("What it may do", (
            plain("home_door"), listed("scopes"), listed("models_allowed"), listed("doors_allowed"),
            listed("networks"), count("requests_per_minute"), count("concurrency"),
        )),
        ("Use", (
            ago("last_used_at"), mono("last_used_ip", "Last address"), plain("last_used_agent", "Last agent"),
            column("Old secret works until", lambda row: moment(row.previous_expires_at)),
            ago("previous_used_at", "Old secret last used"),
        )),
        ("Life", (
            link("Made by", "accounts_user", "created_by_id", lambda row: row.created_by.email),
            link("Belongs to", "accounts_user", "member_id", lambda row: row.member.email),
            ago("created_at"), ago("expires_at", "Expires"), ago("suspended_at"), ago("revoked_at"),
            mono("id", "Id"),
        )),
    )  # fmt: skip

    def extras(self) -> dict[str, Any]:
        return {"rotated": ExpressionWrapper(Q(previous_digest__isnull=False), output_field=BooleanField())}
