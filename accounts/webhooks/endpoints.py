"""The health of registered endpoints: which one is given up, and who hears of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.core.mail import send_mail

from accounts import auditing
from accounts.auditing import Actor
from accounts.models import Event, Membership, OutboxMessage, Role, WebhookEndpoint
from accounts.webhooks import events

log = structlog.get_logger(__name__)

PATIENCE = timedelta(days=5)
"""An endpoint at which everything failed for so long is disabled."""
Reason = WebhookEndpoint.Reason


@dataclass(frozen=True, slots=True)
class Disabled:
    """An endpoint that we gave up, for the mail to the owners about it."""

    endpoint: UUID
    name: str
    reason: str
    owners: tuple[str, ...]


def locked(organization: UUID, endpoint: UUID | None) -> WebhookEndpoint | None:
    """The row for update, inside its tenant."""
    if endpoint is None:
        return None
    rows = WebhookEndpoint.objects.of(organization).filter(pk=endpoint)
    return rows.select_for_update(no_key=True).first()


def judge(endpoint: WebhookEndpoint, *, failed: bool, gone: bool, at: datetime) -> Disabled | None:
    """What a try says about a locked endpoint: 410 ends it at once, five days of failures too."""
    if not endpoint.enabled:
        return None
    if not failed or endpoint.failing_since is None:
        _remember(endpoint, at if failed else None)
    if gone or (failed and endpoint.failing_since and at - endpoint.failing_since >= PATIENCE):
        reason = Reason.GONE if gone else Reason.FAILING
        disable(endpoint, reason, by=Actor.system("dispatcher"), at=at)
        return Disabled(endpoint.pk, str(endpoint), reason.label, _owners(endpoint.organization_id))
    return None


def _remember(endpoint: WebhookEndpoint, failing_since: datetime | None) -> None:
    if endpoint.failing_since != failing_since:
        endpoint.failing_since = failing_since
        endpoint.save(update_fields=["failing_since"])


def disable(endpoint: WebhookEndpoint, reason: Reason, *, by: Actor, at: datetime, why: str = "") -> None:
    """Stop telling a locked endpoint anything; what waits for it is given up, and can be redelivered.
    The other endpoints that listen to it are told."""
    endpoint.enabled, endpoint.disabled_at, endpoint.disabled_reason = False, at, reason
    endpoint.save(update_fields=["enabled", "disabled_at", "disabled_reason"])
    waiting = OutboxMessage.objects.of(endpoint.organization_id).filter(
        endpoint=endpoint, state=OutboxMessage.State.PENDING
    )
    waiting.update(state=OutboxMessage.State.DEAD, claimed_until=None)
    record(endpoint, "endpoint.disable", by, reason=why or reason.label)
    what = {"id": str(endpoint.pk), "url": endpoint.url, "description": endpoint.description}
    told = {"endpoint": what, "reason": reason.value, "disabled_at": events.timestamp(at)}
    events.emit(endpoint.organization_id, endpoint.mode, Event.ENDPOINT_DISABLED, told)


def record(endpoint: WebhookEndpoint, action: str, by: Actor, **what: object) -> None:
    """One line of the audit trail about an endpoint."""
    auditing.record(
        by=by,
        action=action,
        object_type="endpoint",
        object_id=endpoint.pk,
        object_label=str(endpoint),
        organization_id=endpoint.organization_id,
        **what,  # type: ignore[arg-type]  # before, after, reason
    )


def _owners(organization: UUID) -> tuple[str, ...]:
    owners = Membership.objects.of(organization).filter(role=Role.OWNER, user__is_active=True)
    return tuple(owners.values_list("user__email", flat=True))


def tell_owners(disabled: Disabled) -> None:
    """Mail the owners about an endpoint that we gave up. The trail has it too, so a mail that cannot
    be sent is a line in the log."""
    try:
        send_mail(
            f"Easel stopped sending to {disabled.name}",
            f"The webhook endpoint {disabled.name} was disabled: {disabled.reason.lower()}.\n\n"
            "Nothing more is sent to it. When it works again, enable it and redeliver what it missed:\n"
            f"{settings.EASEL.url}\n",
            None,
            disabled.owners,
        )
    except OSError as error:
        log.error("webhooks.mail_failed", endpoint=str(disabled.endpoint), error=str(error))
