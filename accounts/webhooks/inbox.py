"""The development inbox: an address of our own that takes callbacks, so that they can be tried on a laptop.

Callbacks leave by https to public addresses only, and a laptop has neither. What is addressed to
`EASEL_URL/inbox/<token>` never leaves: the dispatcher hands it to `keep`. That is no hole in the
guard, since no connection is opened, whatever the URL says; production knows no inbox (`owner` is
None there, so the address is judged, and refused, like any other); and a token is an HMAC that opens
one organization's inbox, whose rows stand behind the same walls as everything else of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings

from accounts.models import CallbackSecret, InboxItem, WebhookEndpoint
from accounts.webhooks import signatures
from runtime import signing
from runtime.clock import utc_now
from runtime.errors import RuntimeProblem
from runtime.tenancy import tenant

HOST = "inbox"
KEPT = 200
MOST_BYTES = 64 * 1024
_TOKEN = re.compile(r"([0-9a-f]{32})([A-Za-z0-9_-]{24})")
_PRIVATE = frozenset({"authorization", "cookie", "x-csrftoken"})


def is_open() -> bool:
    """Whether this installation has inboxes."""
    return not settings.EASEL.production


def address(organization: UUID) -> str:
    """The URL of an organization's inbox."""
    return f"{settings.EASEL.url}/inbox/{organization.hex}{signing.token('inbox', organization)}"


def owner(url: str) -> UUID | None:
    """The organization whose inbox this URL is; None for every other URL."""
    prefix = f"{settings.EASEL.url}/inbox/"
    return holder(url.removeprefix(prefix)) if url.startswith(prefix) else None


def holder(token: str) -> UUID | None:
    """The organization whose inbox this token opens, or None."""
    found = _TOKEN.fullmatch(token) if is_open() else None
    if found is None:
        return None
    organization = UUID(found[1])
    return organization if signing.verify(found[2], "inbox", organization) else None


def keep(organization: UUID, method: str, headers: Mapping[str, str], body: bytes) -> None:
    """Keep what arrived, with what the verifier says of it; the oldest beyond 200 go."""
    shown = {name: value for name, value in headers.items() if name.lower() not in _PRIVATE}
    with tenant(organization):
        InboxItem.objects.create(
            organization_id=organization,
            method=method[:10],
            headers=shown,
            body=body[:MOST_BYTES],
            signature=signatures.verdict(_secrets(organization), headers, body),
        )
        items = InboxItem.objects.of(organization)
        old = list(items.order_by("-id").values_list("id", flat=True)[KEPT:])
        items.filter(id__in=old).delete()


def latest(organization: Any) -> list[InboxItem]:
    """What arrived, newest first."""
    with tenant(organization):
        return list(InboxItem.objects.of(organization).order_by("-id")[:KEPT])


def _secrets(organization: UUID) -> list[str]:
    """Everything this organization signs with."""
    now, found = utc_now(), list[str]()
    rows = [
        *CallbackSecret.objects.of(organization),
        *WebhookEndpoint.objects.of(organization).filter(removed_at=None),
    ]
    for row in rows:
        try:
            found += signatures.secrets_of(row, now)
        except RuntimeProblem:  # its key is gone: it can verify nothing
            continue
    return found
