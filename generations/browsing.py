"""Generations, pictures and calls as the pages leaf through them: both ways, newest first.

Each reads what `generations.listing` reads, with its filters and its bounds: a filter without an index
of its own looks at 5,000 rows at a time, so that a page may be short and still lead on. The number of
queries does not depend on the number of rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Final, Generic, TypeVar
from uuid import UUID

from django.db.models import Q, QuerySet, Subquery

from accounts.models import ApiKey, Organization
from generations import listing
from generations.listing import CallFilters, Filters, Item
from generations.models import ApiRequest, Generation, Output
from generations.spec import State
from runtime.ids import first_id, seconds_of
from runtime.slices import Place, Position, Slice, cut
from runtime.tenancy import tenant

T = TypeVar("T")

MOST_OF_ONE: Final = 10
"""Pictures that one generation may have."""


@dataclass(frozen=True, slots=True)
class Leaf(Generic[T]):
    """One page, newest first, and where the newer and the older ones are (None: there are none)."""

    items: tuple[T, ...]
    newer: Position | None = None
    older: Position | None = None


def generations(
    organization: Organization, mode: str, filters: Filters, place: Place, *, size: int
) -> Leaf[Item]:
    """Up to `size` generations with their images. Three queries at most."""
    with tenant(organization):
        rows = listing.narrowed(Generation.objects.of(organization).filter(mode=mode), filters)
        page = _up(rows, filters, place.after, size) if place.after else _down(rows, filters, place, size)
        items = tuple(listing.with_outputs(organization, page.items))
    return Leaf(items, page.newer, page.older)


def _down(rows: QuerySet[Generation], filters: Filters, place: Place, size: int) -> Leaf[Generation]:
    """The page below a position, or the first one."""
    if place.before is not None:
        rows = rows.filter(id__lt=place.before.id)
    loose = listing.loose_of(filters)
    floor = _edge(rows.order_by("-id")) if loose else None
    if floor is not None:
        rows = rows.filter(id__gte=floor)
    found = list(rows.filter(loose).order_by("-id")[: size + 1])
    kept = tuple(found[:size])
    older = kept[-1].pk if len(found) > size else floor
    newer = (kept[0].pk if kept else place.before.id) if place.before else None
    return Leaf(kept, _position(newer), _position(older))


def _up(rows: QuerySet[Generation], filters: Filters, after: Position, size: int) -> Leaf[Generation]:
    """The page above a position."""
    rows, loose = rows.filter(id__gt=after.id), listing.loose_of(filters)
    ceiling = _edge(rows.order_by("id")) if loose else None
    if ceiling is not None:
        rows = rows.filter(id__lte=ceiling)
    found = list(rows.filter(loose).order_by("id")[: size + 1])
    kept = tuple(reversed(found[:size]))
    newer = kept[0].pk if len(found) > size else ceiling
    return Leaf(kept, _position(newer), _position(kept[-1].pk if kept else after.id))


def _edge(rows: QuerySet[Generation]) -> UUID | None:
    """The last row of those that are looked at; None if they are all."""
    return rows.values_list("id", flat=True)[listing.SCANNED - 1 : listing.SCANNED].first()


def _position(identifier: UUID | None) -> Position | None:
    if identifier is None:
        return None
    return Position(datetime.fromtimestamp(seconds_of(identifier), UTC), identifier)


# ---- pictures ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tile:
    """A picture that is kept, or (without an output) a generation that failed."""

    row: Generation
    output: Output | None = None


def album(
    organization: Organization,
    mode: str,
    filters: Filters,
    place: Place,
    *,
    size: int,
    kept: bool = True,
    failed: bool = True,
) -> Leaf[Tile]:
    """About `size` pictures that are `kept`, a generation's never parted, and what `failed` between them.
    The states of the filters are not looked at. Five queries at most."""
    before = place.before.id if place.before else None
    with tenant(organization):
        sources = [_pictures(organization, mode, filters, before, size)] if kept else []
        if failed:
            sources.append(_failures(organization, mode, filters, before, size))
    tiles = [tile for source in sources for tile in source.tiles]
    tiles.sort(key=lambda tile: (-tile.row.pk.int, tile.output.number if tile.output else 0))
    ends = [source.end for source in sources if source.end is not None]
    return _bounded(tiles, max(ends, default=None), size)


@dataclass(frozen=True, slots=True)
class _Source:
    """Tiles, newest first; `end` is the last generation they are whole down to (None: to the first)."""

    tiles: list[Tile]
    end: UUID | None


def _bounded(tiles: Sequence[Tile], end: UUID | None, size: int) -> Leaf[Tile]:
    """Whole generations down to `end`, and none begun once there are enough."""
    kept: list[Tile] = []
    for identifier, group in groupby(tiles, key=lambda tile: tile.row.pk):
        if end is not None and identifier < end:
            break
        if len(kept) >= size:
            return Leaf(tuple(kept), older=_position(kept[-1].row.pk))
        kept += group
    return Leaf(tuple(kept), older=_position(end))


def _pictures(
    organization: Organization, mode: str, filters: Filters, before: UUID | None, size: int
) -> _Source:
    rows = Output.objects.of(organization).filter(mode=mode, deleted_at=None)
    rows = rows.filter(**_ranged(filters, before, "generation_id"))
    newest, floor = rows.order_by("-generation_id", "number"), None
    if wanted := _seen_from_picture(filters):
        ids = newest.values_list("generation_id", flat=True)
        floor = ids[listing.SCANNED - 1 : listing.SCANNED].first()
        # Down to the oldest picture at most: else every generation there ever was is looked at.
        oldest = Subquery(rows.order_by("generation_id").values("generation_id")[:1])
        every = Generation.objects.of(organization).filter(wanted, mode=mode, id__gte=floor or oldest)
        newest = newest.filter(generation__in=every.filter(**_ranged(filters, before, "id")).values("id"))
    most = size + MOST_OF_ONE
    tiles = _joined(organization, list(newest[:most]))
    return _Source(tiles, _whole_down_to(tiles) if len(tiles) == most else floor)


def _joined(organization: Organization, outputs: Sequence[Output]) -> list[Tile]:
    """Pictures with their generations. One query of its own: a join may be made by going through every
    generation that is newer."""
    wanted = {output.generation_id for output in outputs}
    rows = {row.pk: row for row in Generation.objects.of(organization).filter(pk__in=wanted)}
    for output in outputs:
        output.generation = rows[output.generation_id]
    return [Tile(output.generation, output) for output in outputs]


def _whole_down_to(tiles: Sequence[Tile]) -> UUID:
    """The last generation but one: the very last may have more pictures."""
    last = tiles[-1].row.pk
    return next((tile.row.pk for tile in reversed(tiles) if tile.row.pk != last), last)


def _failures(
    organization: Organization, mode: str, filters: Filters, before: UUID | None, size: int
) -> _Source:
    every = Generation.objects.of(organization).filter(mode=mode)
    rows = listing.narrowed(every, replace(filters, states=(State.FAILED.value,)))
    page = _down(rows, filters, Place(before=_position(before)), size)
    return _Source([Tile(row) for row in page.items], page.older.id if page.older else None)


def _ranged(filters: Filters, before: UUID | None, column: str) -> dict[str, UUID]:
    """Bounds of generations' ids, which are ordered by time."""
    found: dict[str, UUID] = {}
    if filters.since is not None:
        found[f"{column}__gte"] = first_id(filters.since.timestamp())
    until = first_id(filters.until.timestamp()) if filters.until is not None else None
    ends = [end for end in (until, before) if end is not None]
    return found | {f"{column}__lt": min(ends)} if ends else found


def _seen_from_picture(filters: Filters) -> Q:
    """What pictures have no index for: all but the time."""
    of_key = Q(key_id=filters.key) if filters.key else Q()
    return listing.loose_of(filters) & of_key


def picked(organization: Organization, mode: str, picks: Iterable[tuple[UUID, int]]) -> list[Tile]:
    """Those of the pictures (generation, number) that are there and kept, newest first. One query."""
    wanted = Q()
    for generation, number in picks:
        wanted |= Q(generation_id=generation, number=number)
    if not wanted:
        return []
    with tenant(organization):
        rows = Output.objects.of(organization).filter(wanted, mode=mode, deleted_at=None)
        found = rows.select_related("generation").order_by("-generation_id", "number")
        return [Tile(output.generation, output) for output in found]


# ---- calls -------------------------------------------------------------------------------------


def calls(
    organization: Organization, mode: str, filters: CallFilters, place: Place, *, size: int
) -> Slice[ApiRequest]:
    """Up to `size` calls. A refused call that said no mode belongs to both. Two queries."""
    loose = listing.loose_calls(filters)
    with tenant(organization):
        rows = listing.narrowed_calls(organization, filters)
        floor = _floor(rows, place) if loose else None
        if floor is not None:
            rows = rows.filter(at__gte=floor.at)
        page = cut(rows.filter(loose, mode__in=(mode, "")), place, size, by="at")
    return replace(page, older=page.older or floor)


def _floor(rows: QuerySet[ApiRequest], place: Place) -> Position | None:
    """The last call of those that are looked at; None if they are all."""
    if place.after is not None:
        return None
    if place.before is not None:
        rows = rows.filter(at__lte=place.before.at)
    newest = rows.order_by("-at", "-id").values_list("at", "id")
    found = newest[listing.SCANNED - 1 : listing.SCANNED].first()
    return Position(*found) if found else None


# ---- whose they are ----------------------------------------------------------------------------


def keys_of(organization: Organization, identifiers: Iterable[UUID | None]) -> dict[UUID, ApiKey]:
    """The keys of these ids, revoked ones too. One query."""
    wanted = {identifier for identifier in identifiers if identifier is not None}
    if not wanted:
        return {}
    with tenant(organization):
        return {key.pk: key for key in ApiKey.objects.of(organization).filter(pk__in=wanted)}


def keys_to_choose(organization: Organization, mode: str) -> Iterator[tuple[str, str]]:
    """The newest keys of a mode for a filter: id, and name with the beginning of the key."""
    with tenant(organization):
        rows = ApiKey.objects.of(organization).filter(mode=mode).order_by("-created_at", "-id")
        found = list(rows[:MOST_KEYS])
    return ((str(key.pk), f"{key.name} · {key.prefix}") for key in found)


MOST_KEYS: Final = 200


# ---- counts ------------------------------------------------------------------------------------


def under_way(organization: Organization, mode: str) -> dict[str, int]:
    """How many generations are `queued` and `running`. Two queries, on the indexes of what is live."""
    with tenant(organization):
        rows = Generation.objects.of(organization).filter(mode=mode)
        states = (State.QUEUED.value, State.RUNNING.value)
        return {state: rows.filter(state=state).count() for state in states}


@dataclass(frozen=True, slots=True)
class Beginnings:
    """How far a new organization came: it ever had a key, it ever got an image (in either mode), and a
    picture of this mode is there to be seen."""

    key: bool
    image: bool
    seen: bool


def beginnings(organization: Organization, mode: str) -> Beginnings:
    """Three queries; one for whoever has pictures."""
    with tenant(organization):
        made = Generation.objects.of(organization).filter(delivered__gt=0)
        if made.filter(mode=mode).exists():
            return Beginnings(key=True, image=True, seen=True)
        return Beginnings(ApiKey.objects.of(organization).exists(), made.exists(), seen=False)
