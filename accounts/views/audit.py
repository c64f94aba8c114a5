"""The audit log: who changed what, before and after. It is read, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import trail
from accounts.access import Permission
from accounts.api.exports import csv_answer
from accounts.forms.trail import TrailForm
from accounts.models import AuditEvent
from accounts.shell import TeamRequest, team_page
from accounts.trail import Change, Wanted

SIZE, BATCH = 50, 1000
MICROSECONDS = re.compile(r"(?<=:\d\d)\.\d+\+00:00$")
HEADER = (
    "at", "actor_type", "actor", "action", "object_type", "object", "object_id", "reason", "field", "before",
    "after", "ip", "agent", "request_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """An event as the page shows it."""

    event: AuditEvent
    changes: list[Change]


@team_page(Permission.AUDIT_READ)
@require_safe
def index(request: TeamRequest) -> HttpResponse:
    """A page of events, under the filters of the address."""
    organization = request.team.organization
    form = _filters(request)
    wanted = form.wanted() if form.is_valid() else Wanted()
    page = trail.page(
        organization, wanted, before=_number(request, "before"), after=_number(request, "after"), size=SIZE
    )
    query = urlencode([(name, value) for name, value in form.data.items() if value and name in form.fields])
    context = {
        "rows": [Row(event, [_shown(change) for change in trail.changes(event)]) for event in page.rows],
        "newer": f"?{query}&after={page.newer}" if page.newer else "",
        "older": f"?{query}&before={page.older}" if page.older else "",
        "form": form,
        "query": query,
    }
    return render(request, "accounts/audit/index.html", context)


@team_page(Permission.AUDIT_READ)
@require_safe
def export(request: TeamRequest) -> HttpResponseBase:
    """The same, all of it, as a file: one line for each changed field."""
    form = _filters(request)
    if not form.is_valid():
        raise Http404
    organization, wanted = request.team.organization, form.wanted()

    def read(position: Any) -> tuple[list[Sequence[Any]], Any]:
        page = trail.page(organization, wanted, before=position, size=BATCH)
        return [line for event in page.rows for line in _lines(event)], page.older

    return csv_answer(f"audit-{organization.slug}", HEADER, read)


def _lines(event: AuditEvent) -> list[Sequence[Any]]:
    known = (
        event.at.isoformat(), event.actor_type, event.actor_label, event.action, event.object_type,
        event.object_label, event.object_id, event.reason,
    )  # fmt: skip
    where = (event.ip, event.agent, event.request_id)
    changes = trail.changes(event) or [Change("", None, None)]
    return [(*known, change.field, _told(change.before), _told(change.after), *where) for change in changes]


def _shown(change: Change) -> Change:
    return Change(change.field, _words(change.before), _words(change.after))


def _words(value: Any) -> str:
    """A value for people; empty for nothing, an empty list, an empty text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return MICROSECONDS.sub(" UTC", str(value)) if value is not None else ""


def _told(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _filters(request: TeamRequest) -> TrailForm:
    actors, actions = trail.vocabulary(request.team.organization)
    return TrailForm(request.GET, actors=actors, actions=actions)


def _number(request: TeamRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    if text and not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Http404
    return int(text) if text else None
