"""What happened, as messages to the endpoints that listen: written in the transaction that made it true."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from accounts.models import OutboxMessage, WebhookEndpoint
from runtime.clock import database_now


def emit(organization: UUID, mode: str, event: str, data: Mapping[str, Any]) -> int:
    """Tell every enabled endpoint of this organization and mode that listens to the event; inside
    `tenant(organization)`. `data` is JSON. Returns how many will be told."""
    listening = WebhookEndpoint.objects.of(organization).filter(
        mode=mode, enabled=True, events__contains=[event]
    )
    return len([send(endpoint, event, data) for endpoint in listening])


def send(endpoint: WebhookEndpoint, event: str, data: Mapping[str, Any]) -> OutboxMessage:
    """Tell one endpoint, whatever it listens to; inside its tenant. The message."""
    now = database_now()
    message = OutboxMessage(
        organization_id=endpoint.organization_id,
        mode=endpoint.mode,
        event=event,
        endpoint=endpoint,
        host=endpoint.host,
        rendered_at=now,
        next_at=now,
        created_at=now,
    )
    message.body = envelope(message, data)
    message.save(force_insert=True)
    return message


def envelope(message: OutboxMessage, data: Mapping[str, Any]) -> bytes:
    """The body of a webhook: `{id, type, created_at, data}` as compact UTF-8 JSON. `id` is the one of
    the header `webhook-id`."""
    body = {
        "id": message.webhook_id,
        "type": message.event,
        "created_at": timestamp(message.created_at),
        "data": data,
    }
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
