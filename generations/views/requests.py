"""Requests: every call at the doors and at the management API, also the refused ones."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts.access import Permission
from accounts.models import Door
from accounts.shell import TeamRequest, team_page
from accounts.views.addresses import place_of
from generations import browsing, handles, listing, transcripts
from generations.forms.filters import CallFilterForm
from generations.listing import CallFilters
from generations.models import ApiRequest
from generations.models.generation import KINDS
from generations.views import lists
from generations.views.lists import Chip

SIZE = 50
HUNDREDS = (("All", ""), ("Answered", "2"), ("Refused", "4"), ("Failed", "5"))
DOORS = {**dict(Door.choices), "management": "Management API"}


@dataclass(frozen=True, slots=True)
class Row:
    """A call as the list shows it."""

    call: ApiRequest
    door: str
    key: str


@team_page(Permission.GENERATION_READ)
@require_safe
def index(request: TeamRequest) -> HttpResponse:
    """All calls of the mode that the filters name; an id of a task leads to its calls."""
    if found := _of_task(request):
        return found
    team = request.team
    form = CallFilterForm(request.GET, keys=lists.choices(request))
    page = browsing.calls(team.organization, team.mode, form.filters, place_of(request), size=SIZE)
    keys = lists.names_of_keys(request, (call.key_id for call in page.rows))
    context = {
        "rows": [_row(call, {key: row.name for key, row in keys.items()}) for call in page.rows],
        "states": _states(request, str(form.data.get("hundred", ""))),
        "narrowed": form.filters != CallFilters(),
        "snippet": f'curl -sS {settings.EASEL.url}/openai/v1/models -H "Authorization: Bearer $EASEL_KEY"',
        **lists.narrowing(request, form),
        **lists.paging(request, page),
    }
    return render(request, "generations/requests/index.html", context)


def _of_task(request: TeamRequest) -> HttpResponse | None:
    """To the calls about the task whose id was searched for."""
    handle = handles.parse(request.GET.get("q", "").strip())
    if handle is None or (item := listing.find(request.team.organization, request.team.mode, handle)) is None:
        return None
    return redirect(f"{lists.address(request, 'requests')}?generation={item.row.pk}")


def _states(request: TeamRequest, chosen: str) -> list[Chip]:
    return [
        Chip(
            words,
            lists.without(request, "hundred", "status", **({"hundred": one} if one else {})),
            one == chosen,
        )
        for words, one in HUNDREDS
    ]


def _row(call: ApiRequest, keys: dict[UUID, str]) -> Row:
    return Row(call, DOORS.get(call.door, call.door), keys.get(call.key_id, "") if call.key_id else "")


@team_page(Permission.GENERATION_READ)
@require_safe
def detail(request: TeamRequest, call: UUID) -> HttpResponse:
    """Everything that is kept of one call."""
    team = request.team
    row = listing.call(team.organization, team.mode, call)
    if row is None:
        raise Http404
    keys = lists.names_of_keys(request, [row.key_id])
    context = {
        "call": row,
        "door": DOORS.get(row.door, row.door),
        "kind": dict(KINDS).get(row.kind, row.kind),
        "key": keys.get(row.key_id),
        "item": _generation(request, row),
        "said": transcripts.of_call(team.organization, row.pk),
    }
    return render(request, "generations/requests/detail.html", context)


def _generation(request: TeamRequest, row: ApiRequest) -> object:
    """The task that the call was about, if there is one."""
    if row.generation_id is None:
        return None
    found = listing.find(request.team.organization, request.team.mode, handles.Handle(id=row.generation_id))
    return found.row if found else None
