"""Images: the wall of what is kept, its lightbox, many of them as a zip, some of them deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Permission
from accounts.shell import TeamRequest, team_page
from accounts.views.addresses import place_of
from generations import archive, browsing
from generations.actions import keeping
from generations.browsing import Tile
from generations.listing import Filters
from generations.spec import State
from generations.views import lists
from generations.views.drawn import Shown, picks, shown_tile
from generations.views.lists import Chip
from runtime import storage
from runtime.clock import utc_now

SIZE = 40
MOST_PICKED = 100


@dataclass(frozen=True, slots=True)
class Card:
    """A picture, or (without one) a generation that failed."""

    tile: Tile
    picture: Shown | None
    source: str

    @property
    def prompt(self) -> str:
        return str(self.tile.row.order.get("prompt", ""))


@team_page(Permission.IMAGE_READ)
@require_safe
def index(request: TeamRequest) -> HttpResponse:
    """The wall; htmx asks for the next part of it alone."""
    team, form = request.team, lists.filter_form(request)
    filters = form.filters
    page = browsing.album(
        team.organization,
        team.mode,
        filters,
        place_of(request),
        size=SIZE,
        failed=filters.states != (State.SUCCEEDED,),
        kept=filters.states != (State.FAILED,),
    )
    keys = lists.names_of_keys(request, (tile.row.key_id for tile in page.items))
    context = {
        "cards": [_card(tile, lists.source_of(tile.row, keys)) for tile in page.items],
        "states": _states(request, filters.states),
        "narrowed": filters != Filters(),
        "may_delete": team.may(Permission.GENERATION_CANCEL),
        "may_order": team.may(Permission.GENERATION_SUBMIT),
        "most": MOST_PICKED,
        **lists.narrowing(request, form),
        **lists.paging(request, page),
    }
    part = "HX-Request" in request.headers and "part" in request.GET
    return render(request, f"generations/images/{'wall' if part else 'index'}.html", context)


def _card(tile: Tile, source: str) -> Card:
    return Card(tile, shown_tile(tile), source)


def _states(request: TeamRequest, chosen: Sequence[str]) -> list[Chip]:
    known: tuple[tuple[str, list[str]], ...] = (
        ("All", []),
        ("Pictures", [State.SUCCEEDED]),
        ("Failed", [State.FAILED]),
    )
    return [
        Chip(
            words,
            lists.without(request, "state", **({"state": states} if states else {})),
            [*chosen] == states,
        )
        for words, states in known
    ]


# ---- many at once ----------------------------------------------------------------------------


@team_page(Permission.IMAGE_READ)
@require_POST
def download(request: TeamRequest) -> HttpResponseBase:
    """The picked pictures as one zip, streamed as it is made."""
    found = _picked(request)
    if not found:
        return _nothing(request)
    files = [archive.File(f"{utc_now():%Y%m%d}-{n:03}-{one.file}", one.output.storage_key, one.row.created_at)
             for n, one in enumerate(found, 1)]  # fmt: skip
    answer = StreamingHttpResponse(archive.stream(files), content_type="application/zip")
    name = f"{request.team.organization.slug}-{utc_now():%Y%m%d-%H%M%S}.zip"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@team_page(Permission.GENERATION_CANCEL)
@require_POST
def delete(request: TeamRequest) -> HttpResponse:
    """Say what deleting means; delete when that was confirmed."""
    found = _picked(request)
    if not found:
        return _nothing(request)
    if request.POST.get("sure") != "yes":
        context = {"pictures": found, "back": _back(request), "next": request.POST.get("next", "")}
        return render(request, "generations/images/delete.html", context)
    deleted = 0
    try:
        for _, group in groupby(found, key=lambda one: one.row.pk):
            mine = list(group)
            numbers = [one.output.number for one in mine]
            deleted += keeping.delete_outputs(generation=mine[0].row, by=request.actor, numbers=numbers)
    except storage.StorageError:
        messages.error(
            request, f"{deleted} of {len(found)} were deleted; the store did not answer. Try again."
        )
    else:
        messages.success(
            request,
            f"{deleted} image{'' if deleted == 1 else 's'} deleted. Their links answer 410 from now on; "
            "what they cost stays in the ledger.",
        )
    return redirect(_back(request))


def _picked(request: TeamRequest) -> list[Shown]:
    wanted = picks(request.POST.getlist("pick")[:MOST_PICKED])
    tiles = browsing.picked(request.team.organization, request.team.mode, wanted)
    return [one for tile in tiles if (one := shown_tile(tile))]


def _nothing(request: TeamRequest) -> HttpResponse:
    messages.info(request, "Nothing was picked, or it is deleted already. Tick the images first.")
    return redirect(_back(request))


def _back(request: TeamRequest) -> str:
    """The task's page if the form came from there, else the wall."""
    generation = picks([f"{request.POST.get('next', '')}-0"])
    if generation:
        return lists.address(request, "task", generation=generation[0][0])
    return lists.address(request, "images")
