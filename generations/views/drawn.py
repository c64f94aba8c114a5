"""Pictures as the pages show them: where they are, small and whole, and what they were made from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

from asgiref.sync import async_to_sync
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.access import Permission
from accounts.shell import TeamRequest, team_page
from generations import handles, links, listing, thumbnails
from generations.browsing import Tile
from generations.listing import Item
from generations.models import Generation, Output
from generations.spec import Order
from runtime import storage

PICK: Final = re.compile(r"([0-9a-f]{32})-(\d{1,2})")


@dataclass(frozen=True, slots=True)
class Shown:
    """A kept picture. Addresses are paths of ours; `pick` names it in forms."""

    row: Generation
    output: Output
    url: str

    @property
    def small(self) -> str:
        """At most 400 pixels wide."""
        return f"{self.url}&w=400"

    @property
    def tiny(self) -> str:
        return f"{self.url}&w=160"

    @property
    def large(self) -> str:
        return f"{self.url}&w=800"

    @property
    def pick(self) -> str:
        return f"{self.row.pk.hex}-{self.output.number}"

    @property
    def prompt(self) -> str:
        return str(self.row.order.get("prompt", ""))

    @property
    def ratio(self) -> str:
        """Its width by its height, for the place it gets before it arrives."""
        return f"{self.output.width / self.output.height:.3f}"

    @property
    def sizes(self) -> str:
        """How wide it stands on a wall, for the browser's choice among small ones."""
        return f"(max-width: 600px) 50vw, {min(round(self.output.width / self.output.height * 240), 800)}px"

    @property
    def file(self) -> str:
        return f"{self.row.pk}-{self.output.number}.{links.EXTENSIONS[self.output.mime]}"


def shown(row: Generation, output: Output) -> Shown:
    return Shown(row, output, links.local(links.url(row.pk, output.number, output.mime, output.epoch)))


def shown_of(item: Item) -> list[Shown]:
    """The pictures of a generation that are still kept."""
    return [shown(item.row, output) for output in item.outputs if output.deleted_at is None]


def shown_tile(tile: Tile) -> Shown | None:
    """The picture of a tile that has one."""
    return shown(tile.row, tile.output) if tile.output else None


def picks(texts: Iterable[str]) -> list[tuple[UUID, int]]:
    """The pictures that a form names; what names none is left out."""
    found = (PICK.fullmatch(text) for text in texts)
    return [(UUID(hex=match[1]), int(match[2])) for match in found if match]


# ---- what they were made from ----------------------------------------------------------------


def reference_links(request: TeamRequest, row: Generation, order: Order) -> list[tuple[str, str]]:
    """The address and the words of each picture that the order showed."""
    slug = request.team.organization.slug
    return [
        (
            reverse("reference", kwargs={"team": slug, "generation": row.pk, "number": number}),
            "Mask" if given.role == "mask" else f"Picture {number + 1}, {given.width}×{given.height}",
        )
        for number, given in enumerate(order.inputs)
    ]


@team_page(Permission.IMAGE_READ)
@require_safe
def reference(request: TeamRequest, generation: UUID, number: int) -> HttpResponse:
    """A picture that an order of this team showed, small or whole; kept for three days after the order."""
    team = request.team
    handle = handles.parse(str(generation))
    item = listing.find(team.organization, team.mode, handle) if handle else None
    given = item.row.order["inputs"] if item else []
    if number >= len(given):
        raise Http404
    key, mime, width = (
        given[number]["key"],
        given[number]["mime"],
        thumbnails.wanted(request.GET.get("w", "")),
    )
    read = partial(storage.default().read, key)
    try:
        data = async_to_sync(thumbnails.small)(key, width, read) if width else read()
    except (storage.Missing, OSError):
        raise Http404("This picture is no longer kept.") from None
    answer = HttpResponse(data, content_type=thumbnails.MIME if width else mime)
    answer["Content-Disposition"] = "inline"
    return answer
