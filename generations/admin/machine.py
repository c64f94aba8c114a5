"""The queue and its processes: whose turn it is, who is alive."""

from __future__ import annotations

from django.contrib import admin

from accounts.access import Permission
from accounts.admin.base import ReadOnlyAdmin
from accounts.admin.columns import ago, column, count, mode, mono, organization, plain, tag
from accounts.admin.filters import choice
from accounts.admin.search import by_organization
from accounts.models import Mode
from generations.models import Beat, Lane


@admin.register(Lane)
class LaneAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Lanes", "low_priority", Permission.GENERATION_READ
    joins, finders, search_help_text = ("organization",), (by_organization,), "Organization"
    list_filter = (choice("mode", Mode.choices),)
    turn = column("Next turn", lambda row: f"{row.turn:,.2f}")
    served = column("Last turn", lambda row: f"{row.served:,.2f}")
    list_display = (
        plain("organization.name", "Organization"), mode(), plain("weight"),
        count("cap", "May run at once"), turn, served,
    )  # fmt: skip
    groups = (
        ("Lane", (organization(), mode(), plain("weight"), count("cap", "May run at once"))),
        ("Turns", (turn, served, mono("id", "Id"))),
    )


@admin.register(Beat)
class BeatAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Heartbeats", "ecg_heart", Permission.PLATFORM_READ
    of_organization = ""
    ordering = ("-at", "-pk")
    state = column("State", lambda row: tag("draining", "warn") if row.draining else tag("serving", "good"))
    list_display = (mono("process"), plain("cluster"), plain("kind"), state, ago("at", "Last beat"))
    groups = (("Beat", (mono("process"), plain("cluster"), plain("kind"), state, ago("at", "Last beat"))),)
