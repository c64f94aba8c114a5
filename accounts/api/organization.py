"""The organization and its members."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from accounts import directory
from accounts.access import Permission
from accounts.actions import members, organizations
from accounts.api.operations import WRITE, operation
from accounts.api.paging import PageQuery, Pager
from accounts.api.problems import Refused
from accounts.api.shapes import MemberBody, MemberShape, OrganizationBody, OrganizationShape, page_of
from accounts.api.views import ManagementView, nothing
from accounts.models import Membership, Mode

TEAM = {
    "id": "0192f0c1-7a00-7000-8000-000000000001",
    "slug": "studio",
    "name": "Studio",
    "state": "active",
    "suspended_reason": "",
    "requests_per_minute": None,
    "created_at": "2026-11-01T09:00:00Z",
}
MEMBER = {
    "user_id": "0192f0c1-7a00-7000-8000-000000000002",
    "email": "ana@example.com",
    "name": "Ana",
    "role": "developer",
    "joined_at": "2026-11-01T09:00:00Z",
}


class OrganizationView(ManagementView):
    """The organization that the key belongs to."""

    @operation(
        id="show_organization",
        summary="Show the organization",
        description="The organization that the key belongs to, as it is now.",
        answer=OrganizationShape,
        example=TEAM,
    )
    def get(self, request: Request) -> Response:
        return Response(OrganizationShape(directory.organization_of(self.organization.pk)).data)

    @operation(
        id="rename_organization",
        summary="Rename the organization",
        description="Gives it another name. The short name stays. For owners and admins, with a live key.",
        permission=Permission.MEMBER_MANAGE,
        scopes=WRITE,
        body=OrganizationBody,
        sent={"name": "Studio North"},
        answer=OrganizationShape,
        example={**TEAM, "name": "Studio North"},
    )
    def patch(self, request: Request) -> Response:
        _require_live(self)
        row = organizations.rename(
            organization=self.organization, name=self.body["name"], by=self.manager.actor
        )
        return Response(OrganizationShape(row).data)


class MembersView(ManagementView):
    """Everybody in the organization."""

    @operation(
        id="list_members",
        summary="List members",
        description="The people of the organization with their roles, in the order of joining.",
        query=PageQuery,
        answer=page_of(MemberShape),
        example={"data": [MEMBER], "next_cursor": None},
    )
    def get(self, request: Request) -> Response:
        pager = Pager(self.query, self.organization.pk, "members")
        after = pager.position()
        rows = directory.members_of(
            self.organization, after=UUID(after[0]) if after else None, size=pager.size + 1
        )
        return Response(pager.page(rows, _shown, lambda row: [row.pk]))


class MemberView(ManagementView):
    """One member."""

    @operation(
        id="change_member",
        summary="Change a member's role",
        description="Nobody gives, takes or changes a role above his own, and the last owner stays. A key of "
        "the organization stands as an admin. Needs a live key.",
        permission=Permission.MEMBER_MANAGE,
        scopes=WRITE,
        body=MemberBody,
        sent={"role": "viewer"},
        answer=MemberShape,
        example={**MEMBER, "role": "viewer"},
        refused=(404, 409),
    )
    def patch(self, request: Request, user: UUID) -> Response:
        _require_live(self)
        found = directory.membership_of(self.organization, user)
        changed = members.change_role(
            organization=self.organization, user=found.user, role=self.body["role"], by=self.manager.actor
        )
        return Response(_shown(changed))

    @operation(
        id="remove_member",
        summary="Remove a member",
        description="Ends the membership, and the member's personal keys with it. Keys of the organization "
        "stay. Needs a live key.",
        permission=Permission.MEMBER_MANAGE,
        scopes=WRITE,
        status=204,
        refused=(404, 409),
    )
    def delete(self, request: Request, user: UUID) -> Response:
        _require_live(self)
        found = directory.membership_of(self.organization, user)
        members.remove(organization=self.organization, user=found.user, by=self.manager.actor)
        return nothing()


def _shown(membership: Membership) -> Any:
    return MemberShape(membership).data


def _require_live(view: ManagementView) -> None:
    """A test key manages what is of its mode. The team itself is of none."""
    if view.mode != Mode.LIVE:
        raise Refused("forbidden", 403, "A test key may not change the team. Use a live management key.")
