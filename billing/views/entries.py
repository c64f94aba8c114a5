"""Every transfer of the ledger, with the balance after it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import Permission
from accounts.shell import TeamRequest, team_page
from billing import entries, exports
from billing.entries import Line
from billing.forms.ranges import EntriesForm
from billing.models import Entry
from billing.views import frame
from runtime import cursors

SIZE = 50


@team_page(Permission.EXPORT_BILLING)
@require_safe
def index(request: TeamRequest) -> HttpResponse:
    """A page of entries, newest first, from where the address says."""
    form = EntriesForm(request.GET, kept=frame.kept_zone(request))
    lines, newer, older = _page(request, form)
    context = {
        "form": form,
        "mistakes": form.mistakes,
        "lines": lines,
        "newer": _link(request, form, "after", newer),
        "older": _link(request, form, "before", older),
        "zone": form.zone,
        "zones": frame.SORTED_ZONES,
        "kinds": [
            (words, form.query(kind=kind), form.wanted.kind == kind)
            for kind, words in (("", "All"), *Entry.Kind.choices)
        ],
        "narrowed": bool(form.cleaned_data.keys() - {"timezone"}),
        "generation": form.wanted.generation,
        "without_generation": form.query(generation=""),
        "export": f"{frame.address(request, 'export_entries')}{form.query()}",
        "may_see_tasks": request.team.may(Permission.GENERATION_READ),
    }
    response = render(request, "billing/entries.html", context)
    return frame.keep_zone(response, form.cleaned_data.get("timezone", ""))


@team_page(Permission.EXPORT_BILLING)
@require_safe
def export(request: TeamRequest) -> HttpResponseBase:
    """All that the filters name, as a file."""
    form = EntriesForm(request.GET, kept=frame.kept_zone(request))
    return exports.entries_file(request.team.organization, request.team.mode, form.wanted, form.zone)


Page = tuple[list[Line], int | None, int | None]


def _page(request: TeamRequest, form: EntriesForm) -> Page:
    """The lines, and the entries after which the newer and before which the older ones are."""
    team = request.team
    after, before = _position(request, "after"), _position(request, "before")
    if after is not None:
        found = entries.newer(team.organization, team.mode, form.wanted, after=after, size=SIZE + 1)
        lines = found[-SIZE:]
        return lines, _top(lines) if len(found) > SIZE else None, lines[-1].id if lines else None
    found = entries.page(team.organization, team.mode, form.wanted, before=before, size=SIZE + 1)
    lines = found[:SIZE]
    older = lines[-1].id if len(found) > SIZE else None
    return lines, _top(lines) if before else None, older


def _top(lines: list[Line]) -> int | None:
    """The newest line: where newer ones go on."""
    return lines[0].id if lines else None


def _position(request: TeamRequest, name: str) -> int | None:
    if name not in request.GET:
        return None
    try:
        return int(cursors.read(request.GET[name], *_bound(request, name))[0])
    except cursors.CursorProblem:
        raise Http404 from None


def _link(request: TeamRequest, form: EntriesForm, name: str, entry: int | None) -> str:
    if entry is None:
        return ""
    cursor = cursors.write([entry], *_bound(request, name))
    return f"{form.query()}&{urlencode({name: cursor})}"


def _bound(request: TeamRequest, name: str) -> tuple[Any, ...]:
    """What a cursor of this list holds good for."""
    return request.team.organization.pk, "page of entries", request.team.mode, name
