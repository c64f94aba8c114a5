"""Tasks: the list, and each with its timeline, its pictures and the programs that make it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import Permission
from accounts.errors import Conflict, InvalidValue
from accounts.shell import TeamRequest, team_page
from accounts.views.addresses import place_of
from generations import browsing, handles, listing, snippets, timeline
from generations.actions import contests, keeping
from generations.errors import Problem
from generations.forms.contests import ReportForm
from generations.handles import Handle
from generations.listing import Item, Whole
from generations.models import Generation
from generations.spec import Order, State
from generations.views import lists
from generations.views.drawn import Shown, reference_links, shown_of
from generations.views.lists import Chip
from runtime.clock import utc_now

SIZE = 25
STATES: tuple[tuple[str, list[str]], ...] = (
    ("All", []),
    ("Under way", [State.QUEUED, State.RUNNING]),
    ("Succeeded", [State.SUCCEEDED]),
    ("Failed", [State.FAILED]),
    ("Cancelled", [State.CANCELLED]),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A generation as the list shows it."""

    row: Generation
    prompt: str
    source: str
    seconds: float | None
    picture: Shown | None

    @property
    def cost(self) -> int:
        """Nano-dollars."""
        return self.row.tokens * self.row.unit_price


@team_page(Permission.GENERATION_READ)
@require_safe
def index(request: TeamRequest) -> HttpResponse:
    """All tasks of the mode that the filters name; an id of any door leads to its task."""
    if found := _by_id(request):
        return found
    team, form = request.team, lists.filter_form(request)
    page = browsing.generations(team.organization, team.mode, form.filters, place_of(request), size=SIZE)
    keys = lists.names_of_keys(request, (item.row.key_id for item in page.items))
    context = {
        "rows": [_row(request, item, lists.source_of(item.row, keys)) for item in page.items],
        "states": _states(request, form.filters.states),
        "narrowed": form.filters != listing.Filters(),
        "may_see_keys": team.may(Permission.KEY_READ),
        "may_order": team.may(Permission.GENERATION_SUBMIT),
        **lists.narrowing(request, form),
        **lists.paging(request, page),
    }
    return render(request, "generations/tasks/index.html", context)


def _by_id(request: TeamRequest) -> HttpResponse | None:
    """To the task whose id was searched for."""
    handle = handles.parse(request.GET.get("q", "").strip())
    if handle is None or (item := listing.find(request.team.organization, request.team.mode, handle)) is None:
        return None
    return redirect(lists.address(request, "task", generation=item.row.pk))


def _states(request: TeamRequest, chosen: tuple[str, ...]) -> list[Chip]:
    present = set(chosen)
    return [
        Chip(
            words,
            lists.without(request, "state", **({"state": states} if states else {})),
            present == {*states},
        )
        for words, states in STATES
    ]


def _row(request: TeamRequest, item: Item, source: str) -> Row:
    row = item.row
    kept = shown_of(item) if request.team.may(Permission.IMAGE_READ) else []
    took = (row.finished_at - row.created_at).total_seconds() if row.finished_at else None
    return Row(row, str(row.order.get("prompt", "")), source, took, kept[0] if kept else None)


# ---- one task --------------------------------------------------------------------------------


@team_page(Permission.GENERATION_READ)
@require_safe
def detail(request: TeamRequest, generation: UUID) -> HttpResponse:
    """Everything about one task. The address takes the openai and the gmi form of its id."""
    item = require_item(request, generation)
    if item.row.pk != generation:
        return redirect(lists.address(request, "task", generation=item.row.pk))
    return _page(request, item, ReportForm())


def _page(request: TeamRequest, item: Item, form: ReportForm) -> HttpResponse:
    order = Order.from_json(item.row.order)
    context = {**_facts(request, item, order), **_story(request, item, form)}
    return render(request, "generations/tasks/detail.html", context)


def _facts(request: TeamRequest, item: Item, order: Order) -> dict[str, Any]:
    """What it is, and what it came to."""
    row, team = item.row, request.team
    pictures = shown_of(item)
    return {
        "row": row,
        "order": order,
        "cost": row.tokens * row.unit_price,
        "a_million": row.unit_price * 1_000_000,
        "ids": _ids(row),
        "key": lists.names_of_keys(request, [row.key_id]).get(row.key_id),
        "pictures": pictures if team.may(Permission.IMAGE_READ) else [],
        "gone": row.delivered - len(pictures),
        "references": reference_links(request, row, order) if team.may(Permission.IMAGE_READ) else [],
        "live": not State(row.state).final,
        "may_cancel": team.may(Permission.GENERATION_CANCEL),
        "pinned": keeping.pinned(row),
        "may_order": team.may(Permission.GENERATION_SUBMIT),
        "shelves": snippets.shelves(order, row.dialect),
    }


def _story(request: TeamRequest, item: Item, form: ReportForm) -> dict[str, Any]:
    """What happened, who asked, and whether its images were reported as bad."""
    whole, account = timeline.read(request.team.organization, item)
    return {
        "account": account,
        "calls": whole.requests,
        "attempts": whole.attempts,
        "contest": whole.contest,
        "report": form,
        "may_report": _may_report(request, whole),
    }


def _may_report(request: TeamRequest, whole: Whole) -> bool:
    may = request.team.may(Permission.GENERATION_SUBMIT)
    return may and not contests.problem(whole.item.row, whole.entries, utc_now())


def _ids(row: Generation) -> list[tuple[str, str]]:
    """Its id in the words of each door. Every polling door accepts every one."""
    return [
        ("OpenAI", str(row.pk)),
        ("EvoLink", handles.evolink(row.pk, row.ticket)),
        ("ToAPIs", handles.toapis(row.pk)),
        ("Gemini", handles.gemini(row.pk)),
        ("GMI Cloud", handles.gmi(row.pk)),
    ]


@team_page(Permission.GENERATION_CANCEL)
@require_http_methods(["GET", "POST"])
def cancel(request: TeamRequest, generation: UUID) -> HttpResponse:
    """Say what cancelling means, or cancel."""
    item = require_item(request, generation)
    here = lists.address(request, "task", generation=item.row.pk)
    if State(item.row.state).final:
        messages.info(request, f"This task is {item.row.state} already.")
        return redirect(here)
    if request.method == "POST":
        try:
            keeping.cancel(generation=item.row, by=request.actor)
            messages.success(request, "The task was cancelled. What was held for it is back in the balance.")
        except Problem as problem:
            messages.info(request, problem.message)
        return redirect(here)
    held = item.row.tokens_held * item.row.unit_price
    return render(request, "generations/tasks/cancel.html", {"row": item.row, "held": held, "back": here})


@team_page(Permission.GENERATION_SUBMIT)
@require_POST
def contest(request: TeamRequest, generation: UUID) -> HttpResponse:
    """Report its images as bad."""
    item, form = require_item(request, generation), ReportForm(request.POST)
    if not form.is_valid():
        return _page(request, item, form)
    try:
        contests.report(generation=item.row, reason=form.cleaned_data["reason"], by=request.actor)
    except (InvalidValue, Conflict) as problem:
        form.add_error(None, problem.message)
        return _page(request, item, form)
    messages.success(request, "Reported. Somebody looks at it, and the answer will stand here.")
    return redirect(lists.address(request, "task", generation=item.row.pk))


def require_item(request: TeamRequest, generation: UUID) -> Item:
    """The generation of this team and mode, with its images. Raises Http404."""
    team = request.team
    handle = handles.parse(str(generation)) or Handle(id=generation)
    item = listing.find(team.organization, team.mode, handle)
    if item is None:
        raise Http404
    return item
