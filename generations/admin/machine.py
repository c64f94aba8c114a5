"""The queue and its processes: who waits, whose turn it is, who is alive (M12)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, IntegerField, Min, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from accounts.access import Permission
from accounts.admin.base import ReadOnlyAdmin
from accounts.admin.columns import ago, column, count, figures, mode, mono, organization, plain, tag
from accounts.admin.deeds import Deed, Reason, Values
from accounts.admin.filters import choice
from accounts.admin.search import by_organization
from accounts.admin.who import actor
from accounts.models import Mode
from generations.actions import lanes
from generations.models import Beat, Generation, Lane


class ShareForm(Reason):
    weight = forms.FloatField(
        label="Weight",
        min_value=0.01,
        max_value=lanes.LARGEST_WEIGHT,
        help_text="Its share against other busy organizations. 1 is usual.",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "class": "input short"}),
    )
    cap = forms.IntegerField(
        label="May run at once",
        min_value=1,
        max_value=lanes.LARGEST_CAP,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "class": "input short"}),
    )


class SetShare(Deed):
    name, title, icon = "share", "Change its share", "balance"
    permission = Permission.QUEUE_MANAGE
    many = False
    form = ShareForm
    says = "Counts from the next claim on; what runs goes on."

    def made_form(self, rows: Any, data: Any = None) -> Any:
        return ShareForm(data, initial={"weight": f"{rows[0].weight:g}", "cap": rows[0].cap})

    def label(self, row: Any) -> str:
        return f"{row.organization.name}, {row.mode}"

    def effect(self, row: Any, values: Values) -> str:
        if not values:
            return f"Weight {row.weight:g}, {row.cap:,} at once."
        return f"Weight {row.weight:g} to {values['weight']:g}, {row.cap:,} to {values['cap']:,} at once."

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        lanes.set_share(
            lane=row, weight=values["weight"], cap=values["cap"], reason=values["reason"], by=actor(request)
        )

    def done(self, count: int) -> str:
        return "Its share is changed."


def _of_lane(**which: Any) -> QuerySet[Any]:
    rows = Generation.objects.across().filter(
        organization_id=OuterRef("organization_id"), mode=OuterRef("mode"), **which
    )
    return rows.order_by().values("organization_id")


def _counted(state: str) -> Coalesce:
    """How many generations of a lane are in a state: by its partial index."""
    many = _of_lane(state=state).annotate(many=Count("pk")).values("many")
    return Coalesce(Subquery(many, output_field=IntegerField()), Value(0))


@admin.register(Lane)
class LaneAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Queue", "low_priority", Permission.GENERATION_READ
    joins, finders, search_help_text = ("organization",), (by_organization,), "Organization"
    list_filter = (choice("mode", Mode.choices),)
    deeds = (SetShare(),)
    turn = column("Next turn", lambda row: f"{row.turn:,.2f}")
    served = column("Last turn", lambda row: f"{row.served:,.2f}")
    weight = figures("Weight", lambda row: f"{row.weight:g}")
    list_display = (
        plain("organization.name", "Organization"), mode(), count("depth", "Waiting"),
        ago("oldest", "Oldest waits since"), count("running"), count("cap", "May run at once"), weight,
    )  # fmt: skip
    groups = (
        ("Queue", (
            organization(), mode(), count("depth", "Waiting"), ago("oldest", "Oldest waits since"),
            count("running"),
        )),
        ("Share", (weight, count("cap", "May run at once"), turn, served, mono("id", "Id"))),
    )  # fmt: skip

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-depth", "-running", "-pk")

    def extras(self) -> dict[str, Any]:
        oldest = _of_lane(state="queued").annotate(oldest=Min("created_at")).values("oldest")
        return {"depth": _counted("queued"), "running": _counted("running"), "oldest": Subquery(oldest)}


@admin.register(Beat)
class BeatAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Heartbeats", "ecg_heart", Permission.PLATFORM_READ
    of_organization = ""
    ordering = ("-at", "-pk")
    state = column("State", lambda row: tag("draining", "warn") if row.draining else tag("serving", "good"))
    list_display = (mono("process"), plain("cluster"), plain("kind"), state, ago("at", "Last beat"))
    groups = (("Beat", (mono("process"), plain("cluster"), plain("kind"), state, ago("at", "Last beat"))),)
