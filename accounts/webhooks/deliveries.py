"""One try of one message: made ready in one transaction, recorded in another, sent in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import structlog
from django.conf import settings

from accounts.models import CallbackSecret, Delivery, OutboxMessage
from accounts.webhooks import endpoints, ladder, signatures
from accounts.webhooks.claims import Claim
from runtime.clock import database_now
from runtime.egress import CALLBACK, EgressRefused
from runtime.http import Answered
from runtime.tenancy import tenant

log = structlog.get_logger(__name__)

NEEDED = timedelta(seconds=CALLBACK.total + 1)
"""A claim that ends sooner is left: its try might overlap the next one's."""
GONE = 410


class Failure(StrEnum):
    """Why a try failed, beside the words of `runtime.egress.Reason`. A 2xx has none."""

    STATUS = "status"
    REDIRECT = "redirect"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A body, frozen from now on; with a `sandbox_status` no try of it touches a network."""

    body: bytes
    sandbox_status: int | None = None


Render = Callable[[OutboxMessage], Rendered]
"""Makes the body of a message about a generation, inside its tenant."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A try that is ready to leave."""

    claim: Claim
    url: str
    headers: Mapping[str, str]
    body: bytes
    started_at: datetime
    endpoint: UUID | None
    sandbox_status: int | None


@dataclass(frozen=True, slots=True)
class Result:
    """How a try ended. `error` is empty after a 2xx."""

    status: int | None
    response: bytes
    seconds: float
    error: str

    @classmethod
    def of(cls, answer: Answered) -> Result:
        if 200 <= answer.status < 300:
            error = ""
        else:
            error = Failure.REDIRECT if 300 <= answer.status < 400 else Failure.STATUS
        return cls(answer.status, answer.excerpt, answer.seconds, error)

    @classmethod
    def refused(cls, refused: EgressRefused, seconds: float) -> Result:
        return cls(None, b"", seconds, refused.reason)


def prepare(claim: Claim, render: Render) -> Parcel | None:
    """The try to be made of a claim, its body rendered if this is the first; None when there is
    nothing to do any more. Raises what `render` raises, and SecretUnreadable."""
    with tenant(claim.organization):
        message = _claimed(claim)
        now = database_now()
        if message is None or (message.claimed_until or now) - now < NEEDED:
            return None
        if message.endpoint and not message.endpoint.enabled:
            message.state, message.claimed_until = OutboxMessage.State.DEAD, None
            message.save(update_fields=["state", "claimed_until"])
            return None
        if message.rendered_at is None:
            _freeze(message, render(message), now)
        return _parcel(claim, message, now)


def _claimed(claim: Claim) -> OutboxMessage | None:
    rows = OutboxMessage.objects.of(claim.organization).select_related("endpoint")
    pending = rows.filter(pk=claim.id, state=OutboxMessage.State.PENDING, claims=claim.number)
    return pending.select_for_update(of=("self",), no_key=True).first()


def _freeze(message: OutboxMessage, rendered: Rendered, now: datetime) -> None:
    message.body, message.sandbox_status, message.rendered_at = rendered.body, rendered.sandbox_status, now
    message.save(update_fields=["body", "sandbox_status", "rendered_at"])


def _parcel(claim: Claim, message: OutboxMessage, now: datetime) -> Parcel:
    body = bytes(message.body)
    signer = message.endpoint or _callback_secret(message)
    secrets = signatures.secrets_of(signer, now) if signer else ()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"Easel-Callbacks/1 (+{settings.EASEL.url}/docs/callbacks)",
        **signatures.headers(message.webhook_id, now, body, secrets),
        "X-Easel-Attempt": str(message.sends + 1),
    }
    return Parcel(
        claim=claim,
        url=message.endpoint.url if message.endpoint else message.url,
        headers=headers,
        body=body,
        started_at=now,
        endpoint=message.endpoint_id,
        sandbox_status=message.sandbox_status,
    )


def _callback_secret(message: OutboxMessage) -> CallbackSecret | None:
    return CallbackSecret.objects.of(message.organization_id).filter(mode=message.mode).first()


def record(parcel: Parcel, result: Result) -> endpoints.Disabled | None:
    """Write down a try and what follows from it. A success counts whoever made it, a failure only
    while the claim is ours. Returns the endpoint that this try disabled, if it did."""
    with tenant(parcel.claim.organization):
        # The endpoint before its messages, here as everywhere.
        endpoint = endpoints.locked(parcel.claim.organization, parcel.endpoint)
        message = _pending(parcel.claim)
        if message is None or (result.error and message.claims != parcel.claim.number):
            log.warning("webhooks.late", message=str(parcel.claim.id), error=result.error)
            return None
        now = database_now()
        _note(parcel, result, message, now)
        _move(message, result, now, registered=endpoint is not None)
        if endpoint is None:
            return None
        return endpoints.judge(endpoint, failed=bool(result.error), gone=result.status == GONE, at=now)


def _pending(claim: Claim) -> OutboxMessage | None:
    rows = OutboxMessage.objects.of(claim.organization).filter(pk=claim.id, state=OutboxMessage.State.PENDING)
    return rows.select_for_update(no_key=True).first()


def _note(parcel: Parcel, result: Result, message: OutboxMessage, now: datetime) -> None:
    Delivery.objects.create(
        organization_id=message.organization_id,
        mode=message.mode,
        message=message,
        number=message.sends + 1,
        started_at=parcel.started_at,
        ended_at=now,
        url=parcel.url,
        headers=dict(parcel.headers),
        status=result.status,
        milliseconds=round(result.seconds * 1000),
        response=result.response,
        error=result.error,
    )


def _move(message: OutboxMessage, result: Result, now: datetime, *, registered: bool) -> None:
    """To its end, or to the next try: the ladder counts from the end of this one."""
    message.attempts, message.sends, message.claimed_until = message.attempts + 1, message.sends + 1, None
    delay = ladder.delay(registered=registered, attempts=message.attempts)
    if not result.error:
        message.state = OutboxMessage.State.DELIVERED
    elif delay is None or (registered and result.status == GONE):
        message.state = OutboxMessage.State.DEAD
    else:
        message.next_at = now + delay
    message.save(update_fields=["attempts", "sends", "claimed_until", "state", "next_at"])
