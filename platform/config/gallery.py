"""The gallery: every part of the pages in each of its states, for those who build them."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from billing.entries import Limit
from billing.money import NANO
from billing.views.charts import Chart, Row
from generations.views.keys import Bar
from runtime.clock import utc_now

STATES = ("succeeded", "failed", "cancelled", "queued", "running", "active", "revoked", "expired")
SIZES = ((560, 460, "1.217"), (768, 1344, "0.571"), (1536, 672, "2.286"))
CODE = "curl -s http://localhost:8000/evolink/v1/tasks/task-unified-1795200000-q7w2e9rt"
MONTHS = ((0,) * 30, (0,) * 29 + (1,), tuple(day * day % 17 for day in range(30)))
BUDGETS = tuple(
    Limit(id=UUID(int=used), key=None, period=period, limit=25 * NANO, used=used * NANO, resets_at=None)
    for period, used in (("day", 3), ("week", 21), ("total", 25))
)
DAYS = ("18 Nov", "19 Nov", "20 Nov", "21 Nov")
CHARTS = (
    Chart(
        name="gallery-images",
        title="Images",
        total="51",
        data={
            "kind": "bar",
            "unit": "images",
            "labels": DAYS,
            "series": [
                {"name": "Website", "values": (9, 12, 0, 7), "rest": False},
                {"name": "Others", "values": (3, 8, 0, 12), "rest": True},
            ],
        },
        columns=("Website", "Others", "All"),
        rows=tuple(
            Row(day, "#", cells)
            for day, cells in zip(
                DAYS, (("9", "3", "12"), ("12", "8", "20"), ("0", "0", "0"), ("7", "12", "19")), strict=True
            )
        ),
        foot=("28", "23", "51"),
    ),
    Chart(
        name="gallery-latency",
        title="Mean latency",
        total="7.6 s",
        data={
            "kind": "line",
            "unit": "seconds",
            "labels": DAYS,
            "series": [{"name": "Mean latency", "values": (7.2, 8.1, None, 7.4), "rest": False}],
        },
        columns=("Mean latency",),
        rows=tuple(
            Row(day, "", (cell,)) for day, cell in zip(DAYS, ("7.2 s", "8.1 s", "–", "7.4 s"), strict=True)
        ),
        foot=("7.6 s",),
    ),
)


class Example(forms.Form):
    """One of each field."""

    name = forms.CharField(max_length=120, help_text="What you call it in your own words.")
    mode = forms.ChoiceField(choices=[("live", "Live"), ("test", "Test")])
    note = forms.CharField(required=False, widget=forms.Textarea)
    scopes = forms.MultipleChoiceField(
        choices=[("images:create", "Make images"), ("images:read", "Read images")],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    sure = forms.BooleanField(label="I know that this cannot be undone", required=False)


@require_safe
def gallery(request: HttpRequest) -> HttpResponse:
    """For staff; for everybody else there is no such page."""
    if not (request.user.is_authenticated and request.user.is_staff):
        raise Http404
    now = utc_now()
    wrong = Example({"name": "", "mode": "both", "note": "What was typed stays."})
    context = {
        "states": STATES,
        "sizes": SIZES,
        "code": CODE,
        "months": MONTHS,
        "charts": CHARTS,
        "bars": [Bar(limit) for limit in BUDGETS],
        "form": Example(),
        "wrong": wrong,
        "rows": [
            {"name": "Website", "state": "active", "requests": 12_903, "spend": 3_870_000_000, "used": now},
            {
                "name": "A very long name that somebody once gave to a key in spring, for reasons of his own",
                "state": "revoked",
                "requests": 0,
                "spend": 0,
                "used": None,
            },
            {
                "name": "名前",
                "state": "expired",
                "requests": 1,
                "spend": 38_700_000,
                "used": now - timedelta(days=9),
            },
        ],
    }
    return render(request, "gallery.html", context)
