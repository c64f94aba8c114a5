"""What the holder of an invitation's link may know, and that this browser holds one."""

from __future__ import annotations

import hashlib
from typing import Final

from django.http import HttpRequest

from accounts.errors import NotFound
from accounts.models import Invitation, Organization
from runtime.clock import utc_now
from runtime.tenancy import possession, tenant

LETTERS: Final = 32
"""Of a token, each of 62: 190 bits."""
_KEPT = "invitation"


def digest(token: str) -> bytes:
    """As it is stored. A fast hash is enough for a token of 190 random bits."""
    return hashlib.sha256(token.encode()).digest()


def find(token: str) -> Invitation:
    """The invitation of this link, with its organization, in whatever state. Raises NotFound."""
    presented = digest(token)
    with possession(invitation=presented):
        found = Invitation.objects.across().filter(digest=presented).first()
    if found is None:
        raise NotFound("There is no such invitation.")
    with tenant(found.organization_id):
        found.organization = Organization.objects.of(found.organization_id).get()
    return found


def remember(request: HttpRequest, token: str) -> None:
    """This browser opened the link: it may sign up, with the invited address."""
    request.session[_KEPT] = token


def forget(request: HttpRequest) -> None:
    """The invitation was answered."""
    request.session.pop(_KEPT, None)


def token(request: HttpRequest) -> str:
    """The link that this browser holds, if it still invites; empty otherwise."""
    kept = str(request.session.get(_KEPT, ""))
    return kept if kept and _open(kept) else ""


def address(request: HttpRequest) -> str:
    """Whom that link invites; empty where there is none."""
    kept = str(request.session.get(_KEPT, ""))
    found = _open(kept) if kept else None
    return found.email if found else ""


def _open(kept: str) -> Invitation | None:
    try:
        found = find(kept)
    except NotFound:
        return None
    return found if found.state(utc_now()) == "open" else None
