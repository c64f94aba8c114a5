"""A statement for each month: opening balance, what came and went, closing balance."""

from __future__ import annotations

from datetime import date

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import Permission
from accounts.shell import TeamRequest, team_page
from billing import exports, statements
from billing.forms.ranges import ZoneForm
from billing.models import Entry
from billing.statements import Statement
from billing.views import frame

KINDS = dict(Entry.Kind.choices)


@team_page(Permission.EXPORT_BILLING)
@require_safe
def index(request: TeamRequest) -> HttpResponse:
    """Every month so far, the present one first."""
    form = ZoneForm(request.GET, kept=frame.kept_zone(request))
    months = statements.months(request.team.organization, request.team.mode, form.zone)
    context = {
        "months": [(month, _address(request, month.first, form)) for month in months],
        "zone": form.zone,
        "zones": frame.SORTED_ZONES,
        "mistakes": form.mistakes,
        "form": form,
    }
    response = render(request, "billing/statements.html", context)
    return frame.keep_zone(response, form.cleaned_data.get("timezone", ""))


def _address(request: TeamRequest, first: date, form: ZoneForm) -> str:
    return frame.address(request, "statement", {"timezone": form.zone}, month=f"{first:%Y-%m}")


@team_page(Permission.EXPORT_BILLING)
@require_safe
def detail(request: TeamRequest, month: str) -> HttpResponse:
    """One month. Each line leads to its entries."""
    form, found = _read(request, month)
    span = {"from": found.since.isoformat(), "to": found.until.isoformat(), "timezone": form.zone}
    context = {
        "statement": found,
        "credits": [(KINDS[line.kind], line, _entries(request, line.kind, span)) for line in found.credits],
        "charges": [(line, _usage(request, found, form, line.model)) for line in found.charges],
        "charged_url": _entries(request, Entry.Kind.SETTLE, span),
        "zone": form.zone,
        "export": frame.address(request, "export_statement", {"timezone": form.zone}, month=month),
        "back": frame.address(request, "statements", {"timezone": form.zone}),
        "verify": frame.address(request, "verify"),
    }
    return render(request, "billing/statement.html", context)


@team_page(Permission.EXPORT_BILLING)
@require_safe
def export(request: TeamRequest, month: str) -> HttpResponseBase:
    """One month as a file."""
    return exports.statement_file(_read(request, month)[1])


def _read(request: TeamRequest, month: str) -> tuple[ZoneForm, Statement]:
    """Raises Http404 for a month that never was or is yet to come."""
    form = ZoneForm(request.GET, kept=frame.kept_zone(request))
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise Http404 from None
    if f"{first:%Y-%m}" != month:
        raise Http404
    months = statements.span(request.team.organization, request.team.mode, form.zone)
    if not months[0] <= first <= months[1]:
        raise Http404
    return form, statements.statement(request.team.organization, request.team.mode, first, form.zone)


def _entries(request: TeamRequest, kind: str, span: dict[str, object]) -> str:
    return frame.entries(request, kind=kind, **span)


def _usage(request: TeamRequest, found: Statement, form: ZoneForm, model: str) -> str:
    """Where a model's charges are drawn day by day."""
    last = found.until.date().fromordinal(found.until.date().toordinal() - 1)
    days = {"range": "custom", "from": found.first, "to": last, "timezone": form.zone}
    return frame.address(request, "usage", {**days, "model": model}) if model else ""
