"""Webhook endpoints and what was sent to them, as their organization looks at them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.errors import NotFound
from accounts.models import CallbackSecret, Delivery, Organization, OutboxMessage, WebhookEndpoint
from runtime.ids import first_id
from runtime.tenancy import TenantQuerySet, tenant


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages: to an endpoint, of an event, in a state, about a generation, made from `since`
    up to `until`. Empty: any."""

    endpoint: UUID | None = None
    event: str = ""
    state: str = ""
    generation: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


def endpoints(organization: Organization | UUID, mode: str) -> list[WebhookEndpoint]:
    """Those that were not removed, newest first: at most 20."""
    with tenant(organization):
        return list(_endpoints(organization, mode).order_by("-id"))


def endpoint(organization: Organization | UUID, mode: str, identifier: UUID) -> WebhookEndpoint:
    """One of them. Raises NotFound."""
    with tenant(organization):
        row = _endpoints(organization, mode).filter(pk=identifier).first()
    if row is None:
        raise NotFound("There is no such webhook.")
    return row


def _endpoints(organization: Organization | UUID, mode: str) -> TenantQuerySet[WebhookEndpoint]:
    return WebhookEndpoint.objects.of(organization).filter(mode=mode, removed_at=None)


def callback_secret(organization: Organization | UUID, mode: str) -> CallbackSecret | None:
    """What signs callbacks to orders' own URLs, if anything does."""
    with tenant(organization):
        return CallbackSecret.objects.of(organization).filter(mode=mode).first()


def messages(
    organization: Organization | UUID, mode: str, wanted: Wanted, *, before: UUID | None, size: int
) -> list[OutboxMessage]:
    """Up to `size` messages, newest first, those before a message's id. Ids are ordered by time."""
    with tenant(organization):
        rows = OutboxMessage.objects.of(organization).filter(mode=mode)
        if wanted.endpoint is not None:
            rows = rows.filter(endpoint_id=wanted.endpoint)
        if wanted.generation is not None:
            rows = rows.filter(generation_id=wanted.generation)
        if wanted.since is not None:
            rows = rows.filter(id__gte=first_id(wanted.since.timestamp()))
        if wanted.until is not None:
            rows = rows.filter(id__lt=first_id(wanted.until.timestamp()))
        if before is not None:
            rows = rows.filter(id__lt=before)
        exact = {name: value for name, value in (("event", wanted.event), ("state", wanted.state)) if value}
        return list(rows.filter(**exact).select_related("endpoint").order_by("-id")[:size])


def message(organization: Organization | UUID, mode: str, identifier: UUID) -> OutboxMessage:
    """One message. Raises NotFound."""
    with tenant(organization):
        rows = OutboxMessage.objects.of(organization).filter(mode=mode, pk=identifier)
        row = rows.select_related("endpoint").first()
    if row is None:
        raise NotFound("There is no such delivery.")
    return row


def tries(organization: Organization | UUID, found: Sequence[OutboxMessage]) -> Mapping[UUID, list[Delivery]]:
    """Every try of each message, oldest first, in one query."""
    made: defaultdict[UUID, list[Delivery]] = defaultdict(list)
    with tenant(organization):
        rows = Delivery.objects.of(organization).filter(message__in=[one.pk for one in found])
        for row in rows.order_by("number"):
            made[row.message_id].append(row)
    return made
