"""The operators' admin as a whole: what its sidebar offers, what must not be in it, and its first page."""

from __future__ import annotations

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse

from accounts.admin import glass
from accounts.admin.base import ReadOnlyAdmin
from accounts.admin.who import may
from config.admin import overview

# Pages that run any function by name, bring ended jobs back, delete what the queue holds (django_q), or
# change what people log in with (allauth).
CLOSED = ("django_q", "account", "mfa", "usersessions", "socialaccount")
for _model in list(admin.site._registry):
    if _model._meta.app_label in CLOSED:
        admin.site.unregister(_model)
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # one way in for all
admin.site.unregister(Group)  # an operator's role: given by `create_operator`, shown with the user

GROUPS = {
    "Work": (
        "generations.Generation",
        "generations.ApiRequest",
        "generations.Lane",
        "generations.Output",
        "generations.Attempt",
        "generations.Transition",
        "generations.IdempotencyRecord",
    ),
    "People": ("accounts.Organization", "accounts.ApiKey", "accounts.User", "accounts.Membership"),
    "Money": (
        "billing.Usage",
        "billing.Entry",
        "billing.CreditRequest",
        "generations.Contest",
        "billing.Wallet",
        "billing.Budget",
        "billing.Price",
    ),
    "Webhooks": ("accounts.OutboxMessage", "accounts.Delivery", "accounts.WebhookEndpoint"),
    "Catalogue": (
        "generations.Channel",
        "generations.ChannelModel",
        "generations.Model",
        "generations.ModelName",
        "generations.ModelSize",
        "generations.DialectModel",
        "generations.Dialect",
    ),
    "System": ("accounts.AuditEvent", "billing.Seal", "generations.Beat"),
}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar: the dashboard, and every list that this operator may open, in groups."""
    index = reverse("admin:index")
    first = {
        "title": "Dashboard",
        "icon": "space_dashboard",
        "link": index,
        "active": request.path == index,
        "permission": lambda request: True,
    }
    groups = {title: [_item(name, request) for name in names] for title, names in GROUPS.items()}
    return [{"items": [first]}, *({"title": title, "items": items} for title, items in groups.items())]


def _item(name: str, request: HttpRequest) -> dict[str, Any]:
    page = _page(name)
    link = page.address()
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
    """What the first page shows."""
    return context | {"heading": "Dashboard"} | overview.context(request)


def frame(request: HttpRequest) -> dict[str, Any]:
    """What every page of the admin shows around itself: whose seal is broken."""
    return {"broken_glass": list(glass.broken(request).values()) if request.user.is_authenticated else []}


def mark(request: HttpRequest) -> str:
    """The address of our sign."""
    return static("img/mark.svg")


def stylesheet(request: HttpRequest) -> str:
    """The address of what we add to the theme."""
    return static("css/admin.css")


def script(request: HttpRequest) -> str:
    """The address of what we add to its behaviour."""
    return static("js/admin-pages.js")
