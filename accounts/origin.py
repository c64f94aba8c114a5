"""Where a request comes from."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TypedDict

from django.conf import settings
from django.http import HttpRequest

from runtime import ids


class Where(TypedDict):
    """Address (None where there is none), program and request id of a request: what an `Actor` notes."""

    ip: str | None
    agent: str
    request_id: str


def client_address(peer: str, forwarded: str) -> str:
    """The client's address: the peer's, or what trusted proxies say about it (`X-Forwarded-For`), from
    the right. Empty where it is no address, as on a Unix socket."""
    for claimed in reversed(forwarded.split(",")):
        if not _trusted(peer) or not claimed.strip():
            break
        peer = claimed.strip()
    return peer if _is_address(peer) else ""


def where(request: HttpRequest) -> Where:
    """Of a request to a page or to the management API."""
    address = client_address(request.META.get("REMOTE_ADDR", ""), request.headers.get("x-forwarded-for", ""))
    request.META.setdefault("easel.request_id", ids.word(40))  # one for all that this request notes
    return {
        "ip": address or None,
        "agent": request.headers.get("user-agent", "").replace("\x00", "")[:200],
        "request_id": request.META["easel.request_id"],
    }


def _trusted(peer: str) -> bool:
    return _is_address(peer) and any(
        ip_address(peer) in network for network in settings.EASEL.trusted_proxies
    )


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
