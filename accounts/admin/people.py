"""Users and memberships."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from accounts.access import Permission
from accounts.actions import operators
from accounts.admin import search
from accounts.admin.base import ReadOnlyAdmin
from accounts.admin.columns import ago, column, link, mono, organization, plain, tag, words
from accounts.admin.filters import RecentFilter, choice
from accounts.models import Membership, Role, User

ROLES = {"owner": "info", "admin": "info"}

person = link("Member", "accounts_user", "user_id", lambda row: row.user.email)


def _called(term: str) -> Q | None:
    return Q(email__icontains=term) | Q(name__icontains=term)


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
