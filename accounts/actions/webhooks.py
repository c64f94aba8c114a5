"""Making, changing and ending webhook endpoints, and the secrets that sign."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

from accounts import auditing
from accounts.actions import key_fields
from accounts.auditing import Actor
from accounts.errors import Conflict, InvalidValue, NotFound
from accounts.models import PING, CallbackSecret, Event, Organization, OutboxMessage, User, WebhookEndpoint
from accounts.models.webhooks import Signed
from accounts.webhooks import addresses, endpoints, events, signatures
from runtime.clock import database_now
from runtime.tenancy import tenant

OVERLAP, LONGEST_OVERLAP = timedelta(hours=24), timedelta(days=7)
MOST_ENDPOINTS = 20
"""Of one organization and mode."""
Reason = WebhookEndpoint.Reason
State = OutboxMessage.State


# ---- endpoints ---------------------------------------------------------------------------------


def create(
    *,
    organization: Organization,
    mode: str,
    url: str,
    events: Iterable[str],
    by: Actor,
    description: str = "",
    created_by: User | None = None,
) -> tuple[WebhookEndpoint, str]:
    """A new endpoint and its signing secret, which nobody can show again. Raises InvalidValue, and
    Conflict when there are 20 of this mode."""
    fields = _cleaned({"url": url, "events": events, "description": description})
    secret = signatures.mint()
    with tenant(organization):
        _require_room(organization, mode)
        endpoint = WebhookEndpoint.objects.create(
            organization=organization,
            mode=key_fields.mode(mode),
            created_by=created_by,
            **fields,
            **signatures.stored(secret),
        )
        endpoints.record(endpoint, "endpoint.create", by, after={"mode": mode, **fields})
    return endpoint, secret


def edit(*, endpoint: WebhookEndpoint, changes: Mapping[str, Any], by: Actor) -> WebhookEndpoint:
    """Change an endpoint's url, events or description; what waits goes to the new url. Raises
    InvalidValue, NotFound."""
    fields = _cleaned(changes)
    with tenant(endpoint.organization_id):
        row = _locked(endpoint)
        before = {name: getattr(row, name) for name in fields if getattr(row, name) != fields[name]}
        if before:
            for name in before:
                setattr(row, name, fields[name])
            row.save(update_fields=list(before))
            _pending(row).update(host=row.host)
            after = {name: fields[name] for name in before}
            endpoints.record(row, "endpoint.edit", by, before=before, after=after)
    return row


def rotate(
    *, endpoint: WebhookEndpoint, by: Actor, overlap: timedelta = OVERLAP
) -> tuple[WebhookEndpoint, str]:
    """A new signing secret; for `overlap` (0 to 7 days) every message carries the signatures of both.
    Raises InvalidValue, NotFound."""
    with tenant(endpoint.organization_id):
        row = _locked(endpoint)
        secret = _renew(row, overlap)
        endpoints.record(row, "endpoint.rotate", by, after={"overlap_seconds": overlap})
    return row, secret


def enable(*, endpoint: WebhookEndpoint, by: Actor) -> WebhookEndpoint:
    """Tell it again what happens from now on; what it missed is redelivered on request. Twice is
    once. Raises NotFound."""
    with tenant(endpoint.organization_id):
        row = _locked(endpoint)
        if not row.enabled:
            row.enabled, row.disabled_at, row.disabled_reason, row.failing_since = True, None, "", None
            row.save(update_fields=["enabled", "disabled_at", "disabled_reason", "failing_since"])
            endpoints.record(row, "endpoint.enable", by)
    return row


def disable(*, endpoint: WebhookEndpoint, by: Actor, reason: str = "") -> WebhookEndpoint:
    """Tell it nothing more; what waits for it is given up and can be redelivered. Twice is once.
    Raises NotFound."""
    with tenant(endpoint.organization_id):
        row = _locked(endpoint)
        if row.enabled:
            endpoints.disable(row, Reason.BY_HAND, by=by, at=database_now(), why=reason)
    return row


def remove(*, endpoint: WebhookEndpoint, by: Actor) -> None:
    """End an endpoint for good; its deliveries stay in the log. Raises NotFound."""
    with tenant(endpoint.organization_id):
        row = _locked(endpoint)
        if row.enabled:
            endpoints.disable(row, Reason.BY_HAND, by=by, at=database_now())
        row.removed_at = database_now()
        row.save(update_fields=["removed_at"])
        endpoints.record(row, "endpoint.remove", by)


def ping(*, endpoint: WebhookEndpoint, by: Actor) -> OutboxMessage:
    """Send it a message that says nothing, to see whether it arrives and verifies. Raises NotFound;
    Conflict for a disabled endpoint."""
    with tenant(endpoint.organization_id):
        row = _locked(endpoint)
        if not row.enabled:
            raise Conflict("This endpoint is disabled. Enable it first.")
        endpoints.record(row, "endpoint.ping", by)
        return events.send(row, PING, {"endpoint": {"id": str(row.pk), "url": row.url}})


# ---- the secret of callbacks -------------------------------------------------------------------


def rotate_callback_secret(
    *, organization: Organization, mode: str, by: Actor, overlap: timedelta = OVERLAP
) -> str:
    """Sign callbacks to orders' own URLs, with a new secret from now on; an earlier one goes on
    signing for `overlap` (0 to 7 days). Raises InvalidValue."""
    mode = key_fields.mode(mode)
    with tenant(organization):
        row = CallbackSecret.objects.of(organization).select_for_update().filter(mode=mode).first()
        if row:
            secret = _renew(row, overlap)
        else:
            secret = signatures.mint()
            CallbackSecret.objects.create(organization=organization, mode=mode, **signatures.stored(secret))
        _record_callbacks(organization, "callback_secret.rotate", by, mode)
    return secret


def remove_callback_secret(*, organization: Organization, mode: str, by: Actor) -> None:
    """Send callbacks without a signature again. Raises NotFound."""
    with tenant(organization):
        gone, _ = CallbackSecret.objects.of(organization).filter(mode=mode).delete()
        if not gone:
            raise NotFound("Callbacks are not signed.")
        _record_callbacks(organization, "callback_secret.remove", by, mode)


# ---- what they share ---------------------------------------------------------------------------


def _locked(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    row = endpoints.locked(endpoint.organization_id, endpoint.pk)
    if row is None or row.removed_at is not None:
        raise NotFound("There is no such endpoint.")
    return row


def _pending(endpoint: WebhookEndpoint) -> Any:
    rows = OutboxMessage.objects.of(endpoint.organization_id)
    return rows.filter(endpoint=endpoint, state=State.PENDING)


def _require_room(organization: Organization, mode: str) -> None:
    held = WebhookEndpoint.objects.of(organization).filter(mode=mode, removed_at=None).count()
    if held >= MOST_ENDPOINTS:
        raise Conflict(f"An organization has at most {MOST_ENDPOINTS} endpoints of a mode. Remove one first.")


def _renew(row: Signed, overlap: timedelta) -> str:
    """Another secret for a locked row; the one before goes on signing for a while."""
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise InvalidValue("overlap", "The old secret may go on signing for 0 to 7 days.")
    secret = signatures.mint()
    row.previous_secret = row.secret if overlap else ""
    row.previous_until = database_now() + overlap if overlap else None
    for name, value in signatures.stored(secret).items():
        setattr(row, name, value)
    row.save(update_fields=["secret", "last_four", "previous_secret", "previous_until"])
    return secret


def _cleaned(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields in the form they are stored in. Raises InvalidValue naming the first bad one."""
    unknown = set(fields) - set(EDITABLE)
    if unknown:
        raise InvalidValue(min(unknown), f"{min(unknown)} of an endpoint cannot be set.")
    cleaned = {name: EDITABLE[name](value) for name, value in fields.items()}
    return cleaned | ({"host": addresses.host_of(cleaned["url"])} if "url" in cleaned else {})


def _url(value: Any) -> str:
    if not isinstance(value, str):
        raise addresses.refused("url")
    return value


def _events(values: Any) -> list[str]:
    chosen = list(dict.fromkeys(values)) if isinstance(values, (list, tuple, set, frozenset)) else []
    if not chosen or any(value not in Event.values for value in chosen):
        raise InvalidValue("events", f"Choose one or more of: {', '.join(Event.values)}.")
    return [str(value) for value in chosen]


def _description(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 200 or not value.isprintable():
        raise InvalidValue("description", "A description has at most 200 printable characters.")
    return value.strip()


EDITABLE: Final[dict[str, Callable[[Any], Any]]] = {
    "url": _url,
    "events": _events,
    "description": _description,
}


def _record_callbacks(organization: Organization, action: str, by: Actor, mode: str) -> None:
    auditing.record(
        by=by,
        action=action,
        object_type="organization",
        object_id=organization.pk,
        object_label=str(organization),
        organization_id=organization.pk,
        after={"mode": mode},
    )
