"""The operators' admin as a whole: what its sidebar offers, and what must not be in it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from allauth.account.decorators import secure_admin_login
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone

from accounts.access import Permission
from accounts.admin.base import ReadOnlyAdmin, may
from billing.admin import usage
from generations.admin import work

# Pages that run any function by name, bring ended jobs back, delete what the queue holds (django_q), or
# change what people log in with (allauth).
for _model in list(admin.site._registry):
    if _model._meta.app_label in ("django_q", "account", "mfa", "usersessions"):
        admin.site.unregister(_model)
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # one way in for all
admin.site.unregister(Group)  # an operator's role: given by `create_operator`, shown with the user

GROUPS = {
    "Work": (
        "generations.Generation",
        "generations.ApiRequest",
        "generations.Attempt",
        "generations.Output",
        "generations.Transition",
        "generations.IdempotencyRecord",
        "accounts.OutboxMessage",
    ),
    "Money": ("billing.Usage", "billing.Entry", "billing.Wallet", "billing.Budget", "billing.Price"),
    "People": ("accounts.Organization", "accounts.ApiKey", "accounts.User", "accounts.Membership"),
    "Catalogue": (
        "generations.Model",
        "generations.ModelName",
        "generations.ModelSize",
        "generations.Dialect",
        "generations.DialectModel",
    ),
    "System": (
        "generations.Channel",
        "generations.ChannelModel",
        "generations.Lane",
        "generations.Beat",
        "accounts.AuditEvent",
        "billing.Seal",
    ),
}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar: every list that this operator may open, in groups."""
    return [
        {"title": title, "items": [_item(name, request) for name in names]} for title, names in GROUPS.items()
    ]


def _item(name: str, request: HttpRequest) -> dict[str, Any]:
    page = _page(name)
    link = reverse(f"admin:{name.replace('.', '_').lower()}_changelist")
    allowed = may(request, page.permission)
    return {
        "title": page.heading,
        "icon": page.icon,
        "link": link,
        "active": request.path.startswith(link),
        "permission": lambda request: allowed,
    }


def _page(name: str) -> ReadOnlyAdmin:
    found = admin.site._registry[apps.get_model(name)]
    assert isinstance(found, ReadOnlyAdmin)
    return found


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The first page's figures, each with the list behind it."""
    figures: list[dict[str, str]] = []
    if may(request, Permission.GENERATION_READ):
        figures += [
            {"title": name.capitalize(), "value": f"{number:,}", "unit": "now", "link": _narrowed(name)}
            for name, number in work.waiting().items()
        ]
    if may(request, Permission.USAGE_READ):
        figures += _day()
    return context | {"figures": figures, "heading": "Overview"}


def _day() -> list[dict[str, str]]:
    totals = usage.since(timezone.now() - timedelta(days=1), "live")
    link = reverse("admin:billing_usage_changelist") + "?since=day"
    return [
        {"title": title, "value": value, "unit": "live, past 24 hours", "link": link}
        for title, value in totals.shown()
    ]


def _narrowed(state: str) -> str:
    return reverse("admin:generations_generation_changelist") + f"?state={state}"


def mark(request: HttpRequest) -> str:
    """The address of our sign."""
    return static("img/mark.svg")


def stylesheet(request: HttpRequest) -> str:
    """The address of what we add to the theme."""
    return static("css/admin.css")
