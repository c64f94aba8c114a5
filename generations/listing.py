"""Generations and calls as their organization looks back at them: pages, filters, one of them whole.

The management API and the pages read these same functions. The number of queries does not depend on
the number of rows. A filter without an index of its own looks at 5,000 rows at a time: a page may be
short, or empty, and still say where to go on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import Organization
from billing import entries
from billing.entries import Transfer
from generations.handles import Handle
from generations.models import ApiRequest, Attempt, Contest, Generation, Output, Transition
from runtime.ids import first_id, seconds_of
from runtime.tenancy import tenant

SCANNED: Final = 5_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Filters:
    """Which generations: in one of the states, of a model, door or key, asked from `since` up to
    `until`, with this text in the prompt (whatever its case). Empty: any."""

    states: tuple[str, ...] = ()
    model: str = ""
    dialect: str = ""
    key: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """A generation with its images, those that were deleted too."""

    row: Generation
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first; `following` is the position of the next page, None at the end."""

    items: tuple[Item, ...]
    following: UUID | None


def page(
    organization: Organization | UUID,
    mode: str,
    filters: Filters,
    *,
    before: UUID | None = None,
    size: int,
) -> Page:
    """Up to `size` generations, newest first, those before a generation's id."""
    with tenant(organization):
        rows = narrowed(Generation.objects.of(organization).filter(mode=mode), filters)
        if before is not None:
            rows = rows.filter(id__lt=before)
        loose = loose_of(filters)
        floor = _floor(rows) if loose else None
        if floor is not None:
            rows = rows.filter(id__gte=floor)
        found = list(rows.filter(loose).order_by("-id")[: size + 1])
        kept = found[:size]
        following = kept[-1].pk if len(found) > size else floor
        return Page(tuple(with_outputs(organization, kept)), following)


def narrowed(rows: QuerySet[Generation], filters: Filters) -> QuerySet[Generation]:
    """By what has an index. Ids are ordered by time."""
    if filters.states:
        rows = rows.filter(state__in=filters.states)
    if filters.key is not None:
        rows = rows.filter(key_id=filters.key)
    if filters.since is not None:
        rows = rows.filter(id__gte=first_id(filters.since.timestamp()))
    if filters.until is not None:
        rows = rows.filter(id__lt=first_id(filters.until.timestamp()))
    return rows


def loose_of(filters: Filters) -> Q:
    """By what has none."""
    loose = Q()
    if filters.model:
        loose &= Q(model=filters.model)
    if filters.dialect:
        loose &= Q(dialect=filters.dialect)
    if filters.text:
        loose &= Q(order__prompt__icontains=filters.text)
    return loose


def _floor(rows: QuerySet[Generation]) -> UUID | None:
    """The last row of those that are looked at; None if they are all."""
    return rows.order_by("-id").values_list("id", flat=True)[SCANNED - 1 : SCANNED].first()


def with_outputs(organization: Organization | UUID, rows: Sequence[Generation]) -> Iterable[Item]:
    """Each with its images. One query, inside `tenant()`."""
    delivered = [row.pk for row in rows if row.delivered]
    found: defaultdict[UUID, list[Output]] = defaultdict(list)
    if delivered:
        outputs = Output.objects.of(organization).filter(generation_id__in=delivered)
        for output in outputs.order_by("number"):
            found[output.generation_id].append(output)
    return (Item(row, tuple(found[row.pk])) for row in rows)


# ---- one of them -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Whole:
    """Everything that is known of one generation."""

    item: Item
    attempts: tuple[Attempt, ...]
    transitions: tuple[Transition, ...]
    requests: tuple[ApiRequest, ...]
    entries: tuple[Transfer, ...]
    contest: Contest | None = None


MOST_REQUESTS = 50


def find(organization: Organization | UUID, mode: str, handle: Handle) -> Item | None:
    """The generation behind an id of any door, with its images."""
    with tenant(organization):
        rows = Generation.objects.of(organization).filter(mode=mode)
        row = _by_handle(rows, handle)
        return next(iter(with_outputs(organization, [row]))) if row else None


def _by_handle(rows: QuerySet[Generation], handle: Handle) -> Generation | None:
    if handle.id is not None:
        return rows.filter(pk=handle.id).first()
    candidates = rows.filter(ticket=handle.ticket)
    return next((row for row in candidates if seconds_of(row.pk) == handle.second), None)


def whole(organization: Organization | UUID, item: Item) -> Whole:
    """How it moved, what was tried, what it cost, who asked, whether it was reported: a query each."""
    generation = item.row.pk
    with tenant(organization):
        attempts = Attempt.objects.of(organization).filter(generation_id=generation)
        transitions = Transition.objects.of(organization).filter(generation_id=generation)
        requests = ApiRequest.objects.of(organization).filter(generation_id=generation)
        return Whole(
            item=item,
            attempts=tuple(attempts.order_by("number")),
            transitions=tuple(transitions.order_by("id")),
            requests=tuple(requests.order_by("at")[:MOST_REQUESTS]),
            entries=entries.of_generation(organization, item.row.mode, generation),
            contest=Contest.objects.of(organization).filter(generation_id=generation).first(),
        )


# ---- calls -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallFilters:
    """Which calls: with this status (or of this hundred: 4 for 4xx), at a door, by a key, from an
    address, about a generation, made from `since` up to `until`. Empty: any."""

    status: int | None = None
    hundred: int | None = None
    door: str = ""
    key: UUID | None = None
    ip: str = ""
    request_id: str = ""
    generation: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Calls:
    """Newest first; `following` is the position of the next page, None at the end."""

    rows: tuple[ApiRequest, ...]
    following: tuple[datetime, UUID] | None


def calls(
    organization: Organization | UUID,
    mode: str,
    filters: CallFilters,
    *,
    before: tuple[datetime, UUID] | None = None,
    size: int,
) -> Calls:
    """Up to `size` calls, newest first; those before a call's moment and id. A refused call that said
    no mode belongs to both."""
    with tenant(organization):
        rows = narrowed_calls(organization, filters)
        if before is not None:
            at, call = before
            rows = rows.filter(Q(at__lt=at) | Q(at=at, id__lt=call), at__lte=at)
        floor = _floor_of_calls(rows)
        if floor is not None:
            rows = rows.filter(at__gte=floor[0])
        loose = loose_calls(filters) & Q(mode__in=(mode, ""))
        found = list(rows.filter(loose).order_by("-at", "-id")[: size + 1])
    kept = found[:size]
    return Calls(tuple(kept), (kept[-1].at, kept[-1].pk) if len(found) > size else floor)


def narrowed_calls(organization: Organization | UUID, filters: CallFilters) -> QuerySet[ApiRequest]:
    """By what has an index. Inside `tenant()`."""
    rows = ApiRequest.objects.of(organization)
    if filters.generation is not None:
        rows = rows.filter(generation_id=filters.generation)
    if filters.request_id:
        rows = rows.filter(request_id=filters.request_id)
    if filters.since is not None:
        rows = rows.filter(at__gte=filters.since)
    if filters.until is not None:
        rows = rows.filter(at__lt=filters.until)
    return rows


def loose_calls(filters: CallFilters) -> Q:
    """By what has none."""
    loose = Q()
    if filters.status is not None:
        loose &= Q(status=filters.status)
    if filters.hundred is not None:
        loose &= Q(status__gte=100 * filters.hundred, status__lt=100 * filters.hundred + 100)
    if filters.door:
        loose &= Q(door=filters.door)
    if filters.key is not None:
        loose &= Q(key_id=filters.key)
    if filters.ip:
        loose &= Q(ip=filters.ip)
    return loose


def _floor_of_calls(rows: QuerySet[ApiRequest]) -> tuple[datetime, UUID] | None:
    return rows.order_by("-at", "-id").values_list("at", "id")[SCANNED - 1 : SCANNED].first()


def call(organization: Organization | UUID, mode: str, identifier: UUID) -> ApiRequest | None:
    """One call, by the id of its row."""
    with tenant(organization):
        return ApiRequest.objects.of(organization).filter(pk=identifier, mode__in=(mode, "")).first()
