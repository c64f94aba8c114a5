"""Sending again what was missed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from accounts import auditing
from accounts.actions import key_fields
from accounts.auditing import Actor
from accounts.errors import Conflict, InvalidValue, NotFound
from accounts.models import Organization, OutboxMessage, WebhookEndpoint
from accounts.webhooks import endpoints
from runtime.clock import database_now
from runtime.tenancy import tenant

MOST_REDELIVERED = 10_000
"""By one call: a longer outage is replayed in parts."""


def redeliver(*, message: OutboxMessage, by: Actor, reason: str = "") -> OutboxMessage:
    """Send a message again, delivered or not, with the same `webhook-id` and another round of tries.
    Raises NotFound; Conflict while it is being sent, or when its endpoint is disabled."""
    with tenant(message.organization_id):
        rows = OutboxMessage.objects.of(message.organization_id).select_related("endpoint")
        row = rows.filter(pk=message.pk).select_for_update(of=("self",)).first()
        if row is None:
            raise NotFound("There is no such message.")
        if row.claimed_until and row.claimed_until > database_now():
            raise Conflict("This message is being sent right now.")
        if row.endpoint:
            _require_enabled(row.endpoint)
        _again(row.organization_id, "m.id = %(message)s", {"message": row.pk})
        _record(row.organization_id, by, str(row.pk), {"count": 1}, reason)
        row.refresh_from_db()
    return row


def redeliver_range(
    *,
    organization: Organization,
    mode: str,
    since: datetime,
    until: datetime,
    by: Actor,
    endpoint: WebhookEndpoint | None = None,
    missed: bool = True,
) -> int:
    """Send again what happened from `since` to before `until`, each message once, in order, with the
    same `webhook-id`: to one endpoint, or without one to the orders' own URLs. `missed`: only what was
    not delivered. What is being sent right now is left. Returns how many. Raises InvalidValue (a range
    without end, or more than 10,000 messages), Conflict for a disabled endpoint."""
    if not since < until:
        raise InvalidValue("until", "The range must end after it begins.")
    values = {
        "mode": key_fields.mode(mode),
        "since": since,
        "until": until,
        "endpoint": endpoint and endpoint.pk,
    }
    with tenant(organization):
        if endpoint:
            _require_enabled(endpoints.locked(organization.pk, endpoint.pk))
        count = _again(organization.pk, _RANGE + (_MISSED if missed else ""), values)
        if count > MOST_REDELIVERED:
            raise InvalidValue("since", f"More than {MOST_REDELIVERED:,} messages: take a shorter range.")
        told = {"since": since, "until": until, "mode": mode, "missed": missed, "count": count}
        _record(organization.pk, by, str(endpoint.pk) if endpoint else "callbacks", told)
    return count


_RANGE = (
    "m.mode = %(mode)s AND m.endpoint_id IS NOT DISTINCT FROM %(endpoint)s::uuid"
    " AND m.created_at >= %(since)s AND m.created_at < %(until)s"
)
_MISSED = " AND m.state <> 'delivered'"
# A microsecond apart, so that the order of the queue is the order of what happened.
_AGAIN = """
    UPDATE accounts_outboxmessage u
    SET host = coalesce((SELECT e.host FROM accounts_webhookendpoint e
                         WHERE e.organization_id = u.organization_id AND e.id = u.endpoint_id), u.host),
        state = 'pending', attempts = 0, claims = 0, claimed_until = NULL, replayed_at = now(),
        next_at = now() + again.place * interval '1 microsecond'
    FROM (SELECT m.id, row_number() OVER (ORDER BY m.created_at, m.id) AS place
          FROM accounts_outboxmessage m
          WHERE m.organization_id = %(organization)s AND (m.claimed_until IS NULL OR m.claimed_until < now())
            AND {which}) AS again
    WHERE u.organization_id = %(organization)s AND u.id = again.id
"""


def _again(organization: UUID, which: str, values: Mapping[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_AGAIN.format(which=which), {"organization": organization, **values})
        return int(cursor.rowcount)


def _require_enabled(endpoint: WebhookEndpoint | None) -> None:
    if endpoint is None or endpoint.removed_at is not None:
        raise NotFound("There is no such endpoint.")
    if not endpoint.enabled:
        raise Conflict("This endpoint is disabled. Enable it first.")


def _record(organization: UUID, by: Actor, what: str, told: Mapping[str, Any], reason: str = "") -> None:
    auditing.record(
        by=by,
        action="message.redeliver",
        object_type="message",
        object_id=what,
        organization_id=organization,
        after=told,
        reason=reason,
    )
