"""The playground: words, pictures and a shape become an order, its progress, its pictures, its programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.datastructures import MultiValueDict
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import Permission
from accounts.shell import TeamRequest, team_page
from generations import browsing, catalogue, links, listing, snippets
from generations.errors import Problem
from generations.forms.playground import CHANGE, LIKE_PICTURE, PlaygroundForm, again
from generations.handles import Handle
from generations.listing import Filters, Item
from generations.spec import Offer, Order, State
from generations.views import composing, lists, progress
from generations.views.composing import Wish
from generations.views.drawn import Shown, shown_of, shown_tile
from generations.views.tasks import require_item
from runtime.slices import Place

NEWEST = 12
MOST_FILES = 5


@team_page(Permission.GENERATION_SUBMIT)
@require_http_methods(["GET", "POST"])
def index(request: TeamRequest) -> HttpResponseBase:
    """Ask for an order, or take it and go to its own page."""
    if request.method == "POST":
        return _order(request)
    change = composing.picture_named(request, request.GET.get("change", ""))
    form = PlaygroundForm(offers=_offers(), initial=_beginning(request, change))
    return _page(request, form, change=change, tiles=_newest(request))


@team_page(Permission.GENERATION_SUBMIT)
@require_safe
def run(request: TeamRequest, generation: UUID) -> HttpResponse:
    """An order of the playground as it stands, above the form that made it."""
    item = require_item(request, generation)
    order = Order.from_json(item.row.order)
    change = composing.picture_named(request, str(order.echo.get(CHANGE, "")))
    form = PlaygroundForm(offers=_offers(), initial=again(item.row, order))
    return _page(request, form, change=change, **_stage(request, item, order))


def _page(request: TeamRequest, form: PlaygroundForm, *, change: Shown | None, **more: Any) -> HttpResponse:
    kept = [(url, links.local(url)) for url in form.kept if links.own(url)]
    context = {"form": form, "kept": kept, "change": change, "most_files": MOST_FILES, **more}
    return render(request, "generations/playground/index.html", context)


def _offers() -> tuple[Offer, ...]:
    return catalogue.offers(composing.DOOR)


# ---- where it begins -------------------------------------------------------------------------


def _beginning(request: TeamRequest, change: Shown | None) -> Mapping[str, Any]:
    """What the address brings along: a picture to change or to go by, an order to make again."""
    if change is not None:
        order = Order.from_json(change.row.order)
        return {**again(change.row, order), "prompt": "", "keep": [], "count": 1, "change": change.pick,
                "ratio": LIKE_PICTURE, "seed": None}  # fmt: skip
    if use := composing.picture_named(request, request.GET.get("use", "")):
        output = use.output
        return {"keep": [links.url(use.row.pk, output.number, output.mime, output.epoch)]}
    if found := _named(request):
        return again(found.row, Order.from_json(found.row.order))
    return {}


def _named(request: TeamRequest) -> Item | None:
    """The order that `?from=` names."""
    try:
        handle = Handle(id=UUID(request.GET.get("from", "")))
    except ValueError:
        return None
    return listing.find(request.team.organization, request.team.mode, handle)


def _newest(request: TeamRequest) -> list[Shown]:
    """The team's last pictures, to begin from."""
    team = request.team
    page = browsing.album(team.organization, team.mode, Filters(), Place(), size=NEWEST, failed=False)
    return [one for tile in page.items if (one := shown_tile(tile))]


# ---- taking an order -------------------------------------------------------------------------


def _order(request: TeamRequest) -> HttpResponseBase:
    """Files first, so that they are not asked for again when something else is wrong."""
    data, trouble = request.POST.copy(), []
    files = request.FILES.getlist("files")[:MOST_FILES]
    if files:
        try:
            read = [(file.name or "", file.read()) for file in files]
            kept = async_to_sync(composing.keep_files)(composing.owner_of(request), read)
            data.setlist("keep", [*data.getlist("keep"), *kept])
        except Problem as problem:
            trouble.append(problem.message)
    form = PlaygroundForm(data, offers=_offers())
    change = composing.picture_named(request, data.get("change", ""))
    if form.is_valid() and not trouble:
        try:
            return _taken(request, form, change)
        except Problem as problem:
            trouble.append(problem.message)
    return _page(request, form, change=change, trouble=trouble, tiles=_newest(request))


def _taken(request: TeamRequest, form: PlaygroundForm, change: Shown | None) -> HttpResponse:
    """Raises Problem."""
    order = async_to_sync(composing.compose)(composing.owner_of(request), _wish(form, change))
    made = composing.order_now(request, order, form.cleaned_data["once"])
    return redirect(lists.address(request, "playground_run", generation=made.generation.pk))


def _wish(form: PlaygroundForm, change: Shown | None) -> Wish:
    """Only links of ours: nothing is fetched for a page."""
    keep = tuple(url for url in form.kept if links.own(url))
    return Wish(form.cleaned_data, form.offer, keep, change)


@team_page(Permission.GENERATION_SUBMIT)
@require_POST
def references(request: TeamRequest) -> HttpResponse:
    """A piece of the form: the pictures that were dropped or picked, kept from now on."""
    files = [(file.name or "", file.read()) for file in request.FILES.getlist("files")[:MOST_FILES]]
    context: dict[str, Any] = {"kept": [], "refused": ""}
    try:
        found = async_to_sync(composing.keep_files)(composing.owner_of(request), files)
        context["kept"] = [(url, links.local(url)) for url in found]
    except Problem as problem:
        context["refused"] = problem.message
    return render(request, "generations/playground/references.html", context)


# ---- pieces of the page ----------------------------------------------------------------------


@team_page(Permission.GENERATION_SUBMIT)
@require_safe
def settings(request: TeamRequest) -> HttpResponse:
    """A piece of the form: the ratios, sizes and limits of the model that was chosen."""
    initial = {name: value for name, value in request.GET.items() if value}
    form = PlaygroundForm(offers=_offers(), initial={**initial, "keep": request.GET.getlist("keep")})
    return render(request, "generations/playground/settings.html", {"form": form})


@team_page(Permission.GENERATION_SUBMIT)
@require_safe
def price(request: TeamRequest) -> HttpResponse:
    """A piece of the form: what the order would cost as it stands, and what it would leave."""
    form = PlaygroundForm(_priced(request.GET), offers=_offers())
    change = composing.picture_named(request, request.GET.get("change", ""))
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        wish = _wish(form, change)
        try:
            order = composing.with_stand_ins(request, wish)
            context["told"] = composing.try_out(request, order)
            context["count"] = order.count
        except Problem as problem:
            context["trouble"] = problem.message
    return render(request, "generations/playground/price.html", context)


def _priced(query: MultiValueDict[str, str]) -> MultiValueDict[str, str]:
    """The price does not hang on the words, which may still be missing."""
    data = query.copy()
    data["prompt"] = data.get("prompt") or "?"
    return data


@team_page(Permission.GENERATION_SUBMIT)
@require_safe
def stage(request: TeamRequest, generation: UUID) -> HttpResponse:
    """A piece of the page: the order as it stands."""
    item = require_item(request, generation)
    context = _stage(request, item, Order.from_json(item.row.order))
    return render(request, "generations/playground/stage.html", context)


def _stage(request: TeamRequest, item: Item, order: Order) -> dict[str, Any]:
    row, live = item.row, not State(item.row.state).final
    size = catalogue.size_for(order) if live else None
    return {
        "row": row,
        "order": order,
        "live": live,
        "size": size,
        "ratio": f"{size.width / size.height:.3f}" if size else "",
        "places": range(row.count) if live else (),
        "pictures": shown_of(item),
        "seconds": (row.finished_at - row.created_at).total_seconds() if row.finished_at else None,
        "cost": row.tokens * row.unit_price,
        "held": row.tokens_held * row.unit_price,
        "standing": progress.standing(row),
        "words": [part["text"] for part in row.parts if part.get("text") and not part.get("thought")],
        "shelves": snippets.shelves(order, row.dialect),
    }


@team_page(Permission.GENERATION_SUBMIT)
@require_safe
def events(request: TeamRequest, generation: UUID) -> HttpResponseBase:
    """The order's progress as server-sent events, until it is final."""
    item = require_item(request, generation)
    answer = StreamingHttpResponse(
        progress.stream(request.team.organization, item.row.pk), content_type="text/event-stream"
    )
    answer["Cache-Control"] = "no-store"
    answer["X-Accel-Buffering"] = "no"
    return answer
