"""How an organization's receivers do, and the log of each: what the pages show beside `accounts.outbox`.

The number of queries does not depend on the number of rows. A log is that of one endpoint, or of the
orders' own URLs; a filter without an index of its own looks at 20,000 messages at a time: a page may
be short, or empty, and still say where to go on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from accounts.errors import NotFound
from accounts.models import Delivery, Organization, OutboxMessage, WebhookEndpoint
from runtime.clock import utc_now
from runtime.slices import Place, Position, cut
from runtime.tenancy import tenant

SCANNED: Final = 20_000
LATELY: Final = timedelta(hours=24)
State = OutboxMessage.State


@dataclass(frozen=True, slots=True)
class Health:
    """How a receiver does: its newest try, and the messages of the last 24 hours by state."""

    last: Delivery | None = None
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def delivered(self) -> int:
        return self.counts.get(State.DELIVERED, 0)

    @property
    def dead(self) -> int:
        return self.counts.get(State.DEAD, 0)

    @property
    def pending(self) -> int:
        return self.counts.get(State.PENDING, 0)


@dataclass(frozen=True, slots=True)
class Watched:
    """An endpoint and how it does."""

    endpoint: WebhookEndpoint
    health: Health

    @property
    def state(self) -> str:
        """`disabled`, `failing` since the last success, or `healthy`."""
        if not self.endpoint.enabled:
            return "disabled"
        return "failing" if self.endpoint.failing_since else "healthy"


def endpoints(organization: Organization, mode: str) -> list[Watched]:
    """The endpoints of a mode that were not removed, oldest first."""
    with tenant(organization):
        rows = WebhookEndpoint.objects.of(organization).filter(mode=mode, removed_at=None)
        return _watched(organization, rows.order_by("created_at", "id"))


def endpoint(organization: Organization, mode: str, identifier: UUID) -> Watched:
    """One of them, with who made it. Raises NotFound."""
    with tenant(organization):
        rows = WebhookEndpoint.objects.of(organization).select_related("created_by")
        found = _watched(organization, rows.filter(mode=mode, removed_at=None, pk=identifier))
    if not found:
        raise NotFound("There is no such endpoint.")
    return found[0]


def _watched(organization: Organization, rows: QuerySet[WebhookEndpoint]) -> list[Watched]:
    """Each with the newest of its messages that was tried, and that one's last try."""
    messages = OutboxMessage.objects.of(organization)
    newest = messages.filter(endpoint=OuterRef("pk"), sends__gt=0).order_by("-created_at", "-pk")
    found = list(rows.annotate(newest=Subquery(newest.values("pk")[:1])))
    last = _last_tries(organization, [row.newest for row in found if row.newest])
    counts = _counts(messages.filter(endpoint__in=found))
    return [Watched(row, Health(last.get(row.newest), counts[row.pk])) for row in found]


def callbacks(organization: Organization, mode: str) -> Health:
    """How the orders' own URLs do."""
    with tenant(organization):
        rows = OutboxMessage.objects.of(organization).filter(mode=mode, endpoint=None)
        newest = rows.filter(sends__gt=0).order_by("-created_at", "-pk").values_list("pk", flat=True).first()
        last = _last_tries(organization, [newest] if newest else [])
        return Health(last.get(newest) if newest else None, _counts(rows)[None])


def _counts(rows: QuerySet[OutboxMessage]) -> defaultdict[UUID | None, dict[str, int]]:
    """The messages of the last 24 hours, by receiver and state."""
    found: defaultdict[UUID | None, dict[str, int]] = defaultdict(dict)
    lately = rows.filter(created_at__gte=utc_now() - LATELY).order_by()
    for receiver, state, number in lately.values_list("endpoint_id", "state").annotate(Count("pk")):
        found[receiver][state] = number
    return found


def _last_tries(organization: Organization, messages: Collection[UUID]) -> dict[UUID, Delivery]:
    """The newest try of each message, without what was sent and what came back."""
    tries = Delivery.objects.of(organization).filter(message_id__in=messages).order_by("number")
    return {row.message_id: row for row in tries.defer("response", "headers")}


# ---- the log ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages: of an event, in a state, of what happened from `since` up to `until`. Empty: any."""

    event: str = ""
    state: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def loose(self) -> Q:
        """By what has no index."""
        found = Q()
        if self.event:
            found &= Q(event=self.event)
        if self.state:
            found &= Q(state=self.state)
        return found


@dataclass(frozen=True, slots=True)
class Logged:
    """A message and its newest try."""

    message: OutboxMessage
    last: Delivery | None


@dataclass(frozen=True, slots=True)
class Log:
    """A page of messages, newest first, and where the newer and older ones are."""

    items: tuple[Logged, ...]
    newer: Position | None
    older: Position | None


def log(
    organization: Organization, mode: str, endpoint: UUID | None, wanted: Wanted, place: Place, *, size: int
) -> Log:
    """Up to `size` messages of an endpoint, or (None) of the orders' own URLs."""
    with tenant(organization):
        rows = _ranged(_messages(organization, mode, endpoint), wanted.since, wanted.until)
        floor = _floor(rows, place) if wanted.loose else None
        if floor is not None:
            rows = rows.filter(created_at__gte=floor.at)
        page = cut(rows.filter(wanted.loose).defer("body"), place, size)
        last = _last_tries(organization, [row.pk for row in page.rows if row.sends])
    items = tuple(Logged(row, last.get(row.pk)) for row in page.rows)
    return Log(items, page.newer, page.older or floor)


def _messages(organization: Organization, mode: str, endpoint: UUID | None) -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.of(organization).filter(mode=mode, endpoint=endpoint)


def _ranged(
    rows: QuerySet[OutboxMessage], since: datetime | None, until: datetime | None
) -> QuerySet[OutboxMessage]:
    if since is not None:
        rows = rows.filter(created_at__gte=since)
    return rows.filter(created_at__lt=until) if until is not None else rows


def _floor(rows: QuerySet[OutboxMessage], place: Place) -> Position | None:
    """The last message of those that are looked at; None if they are all."""
    if place.after is not None:
        return None
    if place.before is not None:
        rows = rows.filter(created_at__lte=place.before.at)
    newest = rows.order_by("-created_at", "-pk").values_list("created_at", "pk")
    found = newest[SCANNED - 1 : SCANNED].first()
    return Position(*found) if found else None


def in_range(
    organization: Organization,
    mode: str,
    endpoint: UUID | None,
    since: datetime,
    until: datetime,
    *,
    missed: bool,
) -> int:
    """How many messages a redelivery of the same range would send again, as of now."""
    with tenant(organization):
        rows = _ranged(_messages(organization, mode, endpoint), since, until)
        if missed:
            rows = rows.exclude(state=State.DELIVERED)
        return rows.filter(Q(claimed_until=None) | Q(claimed_until__lt=utc_now())).count()
