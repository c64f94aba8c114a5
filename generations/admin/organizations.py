"""Organizations, each with its balance, its use and its state (M1), and what operators do to one (M2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse

from accounts.access import Permission
from accounts.actions import organizations
from accounts.admin import glass
from accounts.admin.base import ReadOnlyAdmin
from accounts.admin.columns import ago, column, count, mono, number, plain, words
from accounts.admin.deeds import Deed, Values
from accounts.admin.exporting import Field
from accounts.admin.filters import RecentById, choice
from accounts.admin.who import actor, may
from accounts.models import Organization
from billing.admin.columns import money
from billing.admin.deeds import Adjust, Grant
from billing.admin.ledger import balances
from billing.money import dollars
from billing.templatetags.money import usd
from generations import pulse
from generations.admin.deeds import Unseal
from generations.models import Generation
from generations.pulse import Line, Period
from runtime.clock import utc_now

STATES = {"active": "good", "suspended": "bad"}
DAYS = 30
LIVE = Q(state__in=["queued", "running"])


class Suspend(Deed):
    name, title, icon, grave = "suspend", "Suspend", "pause_circle", True
    permission = Permission.ORGANIZATION_SUSPEND
    says = "Its keys make nothing new from the next request on. What is under way goes on; what it has stays."

    def problem(self, row: Any) -> str:
        return "" if row.state == Organization.State.ACTIVE else "it is suspended already."

    def label(self, row: Any) -> str:
        return f"{row.name} ({row.slug})"

    def effect(self, row: Any, values: Values) -> str:
        return "Told 403 from the next request on; its people read that it is suspended."

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        organizations.suspend(organization=row, reason=values["reason"], by=actor(request))

    def done(self, count: int) -> str:
        return "It is suspended." if count == 1 else f"{count:,} organizations are suspended."


class Restore(Suspend):
    name, title, icon, grave = "restore", "Restore", "play_circle", False
    says = "Its keys work again from the next request on."

    def problem(self, row: Any) -> str:
        return "" if row.state == Organization.State.SUSPENDED else "it works."

    def effect(self, row: Any, values: Values) -> str:
        return f"It was suspended because: {row.suspended_reason}"

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        organizations.restore(organization=row, reason=values["reason"], by=actor(request))

    def done(self, count: int) -> str:
        return "It works again." if count == 1 else f"{count:,} organizations work again."


def _named(term: str) -> Q | None:
    return Q(slug=term.lower()) | Q(name__icontains=term)


def _period() -> Period:
    now = utc_now()
    return Period.around(now - timedelta(days=DAYS), now)


def attach(rows: Sequence[Any]) -> None:
    """Balance, use of the past thirty days and what is under way, of all rows at once."""
    identifiers = [row.pk for row in rows]
    wallets = balances(identifiers)
    used = pulse.report(_period(), "live", organizations=identifiers).organizations
    live = Generation.objects.across().filter(LIVE, organization_id__in=identifiers, mode="live")
    busy = dict(live.values_list("organization_id").annotate(many=Count("pk")))
    for row in rows:
        row.available, row.held = wallets.get(row.pk, (0, 0))
        row.used = used.get(row.pk, Line())
        row.busy = busy.get(row.pk, 0)


@admin.register(Organization)
class OrganizationAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Organizations", "apartment", Permission.USAGE_READ
    called = "name"
    of_organization = ""
    deeds = (Suspend(), Restore(), Grant(), Adjust(), Unseal())
    available = money("Available", lambda row: row.available)
    spent = money("Spent, 30 days", lambda row: row.used.amount)
    images = column("Images, 30 days", lambda row: number(row.used.images), "number_images")
    busy = column("Under way", lambda row: number(row.busy), "number_busy")
    list_display = (
        plain("name"), mono("slug"), words("state", STATES), available, spent, images, busy,
        ago("created_at"),
    )  # fmt: skip
    list_filter = (choice("state", Organization.State.choices), RecentById)
    search_help_text = "Name or slug"
    export = (
        Field("id", lambda row: row.pk), Field("slug", lambda row: row.slug),
        Field("name", lambda row: row.name),
        Field("state", lambda row: row.state), Field("created_at", lambda row: row.created_at),
        Field("available_usd", lambda row: dollars(row.available)),
        Field("spent_usd_30_days", lambda row: dollars(row.used.amount)),
        Field("images_30_days", lambda row: row.used.images),
    )  # fmt: skip
    groups = (
        ("Organization", (plain("name"), mono("slug"), words("state", STATES), plain("suspended_reason"))),
        ("Limits", (
            count("requests_per_minute"), plain("image_retention_hours", "Images kept, hours"),
            plain("body_retention_hours", "Bodies kept, hours"), ago("created_at"), mono("id", "Id"),
        )),
    )  # fmt: skip
    before_template = "admin/organization.html"

    finders = (_named,)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changes = super().get_changelist_instance(request)
        changes.result_list = list(changes.result_list)
        attach(changes.result_list)
        return changes

    def mark(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        for row in rows:
            row.sealed = not glass.sees(request, row.pk)
        attach(rows)

    def detail(self, request: HttpRequest, row: Organization) -> dict[str, Any]:
        """What it comes to, and every list that can be narrowed to it."""
        lists = [
            {
                "heading": page.heading,
                "icon": page.icon,
                "link": page.address(**{page.of_organization: row.pk}),
            }
            for page in self.admin_site._registry.values()
            if isinstance(page, ReadOnlyAdmin) and page.of_organization and may(request, page.permission)
        ]
        return {
            "lists": sorted(lists, key=lambda one: str(one["heading"])),
            "figures": _figures(request, row),
        }


def _figures(request: HttpRequest, row: Any) -> list[dict[str, str]]:
    """Numbers, each with the rows behind it."""
    of_it = f"?organization__id__exact={row.pk}"
    wallets = reverse("admin:billing_wallet_changelist") + of_it
    since = urlencode({"quarter__gte": _period().since.isoformat(), "by": "day"})
    usage = f"{reverse('admin:billing_usage_changelist')}{of_it}&{since}"
    work = reverse("admin:generations_generation_changelist") + of_it
    figures = [
        {"title": "Available", "value": usd(row.available), "unit": "live", "link": wallets},
        {"title": "Held", "value": usd(row.held), "unit": "by running work", "link": wallets},
        {"title": "Spent", "value": usd(row.used.amount), "unit": f"past {DAYS} days", "link": usage},
        {"title": "Images", "value": f"{row.used.images:,}", "unit": f"past {DAYS} days", "link": usage},
    ]
    if may(request, Permission.GENERATION_READ):
        lanes = reverse("admin:generations_lane_changelist") + of_it
        link = lanes if row.busy else work
        figures.append({"title": "Under way", "value": f"{row.busy:,}", "unit": "now", "link": link})
    return figures
