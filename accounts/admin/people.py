"""Organizations, users, memberships and keys."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from accounts.access import Permission
from accounts.actions import operators
from accounts.admin import search
from accounts.admin.base import ReadOnlyAdmin, may
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
    words,
)
from accounts.admin.filters import RecentFilter, choice
from accounts.models import ApiKey, Door, Membership, Mode, Organization, Role, User

STATES = {"active": "good", "suspended": "bad"}
ROLES = {"owner": "info", "admin": "info"}

person = link("Member", "accounts_user", "user_id", lambda row: row.user.email)


def _named(term: str) -> Q | None:
    return Q(slug=term.lower()) | Q(name__icontains=term)


def _called(term: str) -> Q | None:
    return Q(email__icontains=term) | Q(name__icontains=term)


def _matching(term: str) -> Q | None:
    found = search.keys(term)
    return Q(pk__in=[key.pk for key in found]) if found else Q(name__iexact=term)


def _key_state(row: Any) -> SafeString:
    now = timezone.now()
    if row.revoked_at:
        return tag("revoked", "bad")
    if row.expires_at and row.expires_at <= now:
        return tag("expired", "bad")
    rotating = row.rotated and row.previous_expires_at and row.previous_expires_at > now
    return tag("rotating", "warn") if rotating else tag("works", "good")


@admin.register(Organization)
class OrganizationAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Organizations", "apartment", Permission.USAGE_READ
    called = "name"
    of_organization = ""
    list_display = (plain("name"), mono("slug"), words("state", STATES), ago("created_at"))
    list_filter = (choice("state", Organization.State.choices), RecentFilter)
    search_help_text = "Name or slug"
    groups = (
        ("Organization", (plain("name"), mono("slug"), words("state", STATES), plain("suspended_reason"))),
        ("Limits", (count("requests_per_minute"), ago("created_at"), mono("id", "Id"))),
    )
    before_template = "admin/organization.html"

    finders = (_named,)

    def detail(self, request: HttpRequest, row: Organization) -> dict[str, Any]:
        """Every list that can be narrowed to one organization."""
        lists = [
            {
                "heading": page.heading,
                "icon": page.icon,
                "link": page.address(**{page.of_organization: row.pk}),
            }
            for page in self.admin_site._registry.values()
            if isinstance(page, ReadOnlyAdmin) and page.of_organization and may(request, page.permission)
        ]
        return {"lists": sorted(lists, key=lambda one: str(one["heading"]))}


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Users", "person", Permission.USAGE_READ
    called = "email"
    of_organization = ""
    secrets = ("password",)
    list_filter = (choice("is_staff", (("1", "Yes"), ("0", "No")), title="operator"), RecentFilter)
    search_help_text = "E-mail address or name"

    finders = (_called,)
    operator_role = column("Operator", operators.role_of)
    active = column("Active", lambda row: tag("active", "good") if row.is_active else tag("closed", "bad"))
    list_display = (
        plain("email", "E-mail"),
        plain("name"),
        active,
        operator_role,
        ago("last_login"),
        ago("created_at"),
    )
    groups = (
        ("User", (plain("email", "E-mail"), plain("name"), active, operator_role)),
        ("Times", (ago("last_login"), ago("created_at"), mono("id", "Id"))),
    )
    after_template = "admin/user.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.prefetch_related("groups")

    def detail(self, request: HttpRequest, row: User) -> dict[str, Any]:
        rows = (
            Membership.objects.across().filter(user=row).select_related("organization").order_by("created_at")
        )
        return {"memberships": rows}


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Members", "group", Permission.USAGE_READ
    joins, secrets = ("organization", "user"), ("user__password",)
    list_display = (
        plain("user.email", "Member"),
        organization(),
        words("role", ROLES),
        ago("created_at", "Since"),
    )
    list_filter = (choice("role", Role.choices), RecentFilter)
    search_help_text = "Organization or e-mail address"
    finders = (search.by_organization, search.by_member)
    groups = (("Membership", (person, organization(), words("role", ROLES), ago("created_at", "Since"))),)


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    heading, icon, permission = "API keys", "key", Permission.KEY_READ
    called = "name"
    joins = ("organization", "member", "created_by")
    secrets = ("digest", "previous_digest", "pepper", "member__password", "created_by__password")
    list_filter = (choice("mode", Mode.choices), choice("home_door", Door.choices), RecentFilter)
    search_help_text = "Key, its prefix, name, or organization"

    finders = (_matching, search.by_organization)
    state = column("State", _key_state)
    prefix = column("Key", lambda row: code(f"{row.prefix}…{row.last_four}"))
    list_display = (
        plain("name"), prefix, organization(), mode(), state,
        plain("home_door"), ago("last_used_at"), ago("created_at"),
    )  # fmt: skip
    groups = (
        ("Key", (
            plain("name"), prefix, organization(), mode(), state, plain("revoked_reason"),
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
            ago("created_at"), ago("expires_at", "Expires"), ago("revoked_at"), mono("id", "Id"),
        )),
    )  # fmt: skip

    def extras(self) -> dict[str, Any]:
        return {"rotated": ExpressionWrapper(Q(previous_digest__isnull=False), output_field=BooleanField())}
