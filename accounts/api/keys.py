"""API keys: made, shown, changed, rotated, revoked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from accounts import directory
from accounts.access import Permission
from accounts.actions import keys
from accounts.api.manager import Manager
from accounts.api.operations import WRITE, operation
from accounts.api.paging import Pager
from accounts.api.problems import Refused, invalid
from accounts.api.shapes import (
    KeyChanges,
    KeyShape,
    KeysQuery,
    NewKeyBody,
    NewKeyShape,
    RevokeBody,
    RotateBody,
    page_of,
)
from accounts.api.views import ManagementView
from accounts.errors import NotFound
from accounts.models import ApiKey, User

KEY = {
    "id": "0192f0c1-7a00-7000-8000-000000000003",
    "name": "Website",
    "mode": "live",
    "prefix": "easel_live_K7c2QmZp9a",
    "last_four": "X2bQ",
    "home_door": "openai",
    "member_id": None,
    "scopes": ["images:create", "images:read"],
    "models_allowed": [],
    "doors_allowed": [],
    "networks": ["203.0.113.0/24"],
    "requests_per_minute": 600,
    "concurrency": None,
    "created_at": "2026-11-01T09:00:00Z",
    "expires_at": None,
    "revoked_at": None,
    "revoked_reason": "",
    "last_used_at": "2026-11-20T12:00:00Z",
    "last_used_ip": "203.0.113.7",
    "last_used_agent": "OpenAI/Python 3.52.0",
    "previous_expires_at": None,
    "previous_used_at": None,
}
SECRET = {**KEY, "secret": "easel_live_<48 letters and digits>"}


class KeysView(ManagementView):
    """All keys of the mode."""

    @operation(
        id="list_keys",
        summary="List keys",
        description="The keys of the mode, newest first, without their secrets.",
        permission=Permission.KEY_READ,
        query=KeysQuery,
        answer=page_of(KeyShape),
        example={"data": [KEY], "next_cursor": None},
    )
    def get(self, request: Request) -> Response:
        pager = Pager(self.query, self.organization.pk, "keys", self.mode)
        before = pager.position()
        rows = directory.keys_page(
            self.organization,
            self.mode,
            state=self.query["state"],
            before=UUID(before[0]) if before else None,
            size=pager.size + 1,
        )
        return Response(pager.page(rows, _shown, lambda row: [row.pk]))

    @operation(
        id="create_key",
        summary="Create a key",
        description="The key has the mode of the key that makes it. Its secret is in this answer and in no "
        "other. Developers make personal keys only.",
        permission=Permission.KEY_MANAGE_OWN,
        scopes=WRITE,
        body=NewKeyBody,
        sent={"name": "Website", "scopes": ["images:create", "images:read"], "networks": ["203.0.113.0/24"]},
        status=201,
        answer=NewKeyShape,
        example=SECRET,
    )
    def post(self, request: Request) -> Response:
        fields = dict(self.body)
        member = _member(self, fields.pop("member_id", None))
        key, secret = keys.create(
            organization=self.organization,
            mode=self.mode,
            by=self.manager.actor,
            member=member,
            created_by=self.manager.member(),
            **fields,
        )
        return Response(_told(key, secret), 201)


class KeyView(ManagementView):
    """One key."""

    @operation(
        id="show_key",
        summary="Show a key",
        description="A key of the mode, revoked or not, without its secret.",
        permission=Permission.KEY_READ,
        answer=KeyShape,
        example=KEY,
        refused=(404,),
    )
    def get(self, request: Request, key: UUID) -> Response:
        return Response(_shown(directory.key_of(self.organization, self.mode, key)))

    @operation(
        id="edit_key",
        summary="Edit a key",
        description="Changes the fields that are sent; the others stay. Effective on the next request.",
        permission=Permission.KEY_MANAGE_OWN,
        scopes=WRITE,
        body=KeyChanges,
        sent={"requests_per_minute": 60},
        answer=KeyShape,
        example={**KEY, "requests_per_minute": 60},
        refused=(404, 409),
    )
    def patch(self, request: Request, key: UUID) -> Response:
        row = keys.edit(key=_mine(self, key), changes=self.body, by=self.manager.actor)
        return Response(_shown(row))


class RotateView(ManagementView):
    """A new secret for a key."""

    @operation(
        id="rotate_key",
        summary="Rotate a key",
        description="A new secret under the same id, limits and history. The old one goes on working for the "
        "grace, 0 to 7 days, and `previous_used_at` tells whether somebody still uses it.",
        permission=Permission.KEY_MANAGE_OWN,
        scopes=WRITE,
        body=RotateBody,
        sent={"grace_seconds": 86400},
        answer=NewKeyShape,
        example=SECRET,
        refused=(404, 409),
    )
    def post(self, request: Request, key: UUID) -> Response:
        grace = timedelta(seconds=self.body["grace_seconds"])
        row, secret = keys.rotate(key=_mine(self, key), grace=grace, by=self.manager.actor)
        return Response(_told(row, secret))


class RevokeView(ManagementView):
    """The end of a key."""

    @operation(
        id="revoke_key",
        summary="Revoke a key",
        description="Ends it for good, from the next request on. Twice is once.",
        permission=Permission.KEY_MANAGE_OWN,
        scopes=WRITE,
        body=RevokeBody,
        sent={"reason": "The contractor is done."},
        answer=KeyShape,
        example={**KEY, "revoked_at": "2026-11-20T12:30:00Z", "revoked_reason": "The contractor is done."},
        refused=(404,),
    )
    def post(self, request: Request, key: UUID) -> Response:
        row = keys.revoke(key=_mine(self, key), reason=self.body["reason"], by=self.manager.actor)
        return Response(_shown(row))


def _shown(key: ApiKey) -> Any:
    return KeyShape(key).data


def _told(key: ApiKey, secret: str) -> dict[str, Any]:
    return {**_shown(key), "secret": secret}


def _mine(view: ManagementView, key: UUID) -> ApiKey:
    """The key, if this manager may write it. Raises NotFound, Refused."""
    row = directory.key_of(view.organization, view.mode, key)
    if not _may_write(view.manager, row.member_id):
        raise Refused("forbidden", 403, f"The role {view.manager.role} may change personal keys of its own.")
    return row


def _may_write(manager: Manager, member: UUID | None) -> bool:
    return manager.may(Permission.KEY_MANAGE) or (member is not None and member == manager.user)


def _member(view: ManagementView, member: UUID | None) -> User | None:
    """Whose key it will be: whoever may make only his own makes his own."""
    manager = view.manager
    if not manager.may(Permission.KEY_MANAGE):
        member = member or manager.user
    if not _may_write(manager, member):
        raise Refused("forbidden", 403, f"The role {manager.role} may make personal keys of its own.")
    if member is None:
        return None
    try:
        return directory.membership_of(view.organization, member).user
    except NotFound:
        raise invalid("member_id", "There is no such member.") from None
