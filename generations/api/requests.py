"""The request history: every call, also the refused ones."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.fields import UTC, Address, Zone, moment
from accounts.api.operations import operation
from accounts.api.paging import PageQuery, Pager
from accounts.api.shapes import page_of
from accounts.api.views import ManagementView
from accounts.models import Door
from billing.api.shapes import RANGE
from generations import listing
from generations.api.examples import REQUEST
from generations.api.history import DOOR
from generations.api.problems import not_found
from generations.api.shapes import RequestShape
from generations.listing import CallFilters


class RequestsQuery(PageQuery):
    status = serializers.IntegerField(min_value=100, max_value=599, required=False)
    status_class = serializers.ChoiceField(
        ["2xx", "3xx", "4xx", "5xx"], required=False, help_text="All statuses of a hundred."
    )
    door = serializers.ChoiceField([*Door.values, DOOR], required=False)
    key = serializers.UUIDField(required=False)
    ip = Address(required=False)
    request_id = serializers.CharField(max_length=64, required=False)
    generation = serializers.UUIDField(required=False)
    timezone = Zone(default=UTC, help_text="In which days begin.")

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), **RANGE()}


class RequestsView(ManagementView):
    """All calls of the mode."""

    @operation(
        id="list_requests",
        summary="List requests",
        description="The calls at every door and at the management API, newest first, the refused ones too. "
        "A filter without an index looks at 5,000 rows at a time: a page may be short, or empty, and "
        "still have a `next_cursor`.",
        permission=Permission.GENERATION_READ,
        query=RequestsQuery,
        answer=page_of(RequestShape),
        example={"data": [REQUEST], "next_cursor": None},
    )
    def get(self, request: Request) -> Response:
        pager = Pager(self.query, self.organization.pk, "requests", self.mode)
        at = pager.position()
        found = listing.calls(
            self.organization,
            self.mode,
            _filters(self.query),
            before=(datetime.fromisoformat(at[0]), UUID(at[1])) if at else None,
            size=pager.size,
        )
        following = [found.following[0].isoformat(), found.following[1]] if found.following else None
        return Response(pager.answer(RequestShape(found.rows, many=True).data, following))


class RequestView(ManagementView):
    """One call."""

    @operation(
        id="show_request",
        summary="Show a request",
        description="One call by the id of its row (not the request id, which the caller may choose).",
        permission=Permission.GENERATION_READ,
        answer=RequestShape,
        example=REQUEST,
        refused=(404,),
    )
    def get(self, request: Request, call: UUID) -> Response:
        found = listing.call(self.organization, self.mode, call)
        if found is None:
            raise not_found("request")
        return Response(RequestShape(found).data)


def _filters(query: dict[str, Any]) -> CallFilters:
    zone = query["timezone"]
    hundred = query.get("status_class")
    return CallFilters(
        status=query.get("status"),
        hundred=int(hundred[0]) if hundred else None,
        door=query.get("door", ""),
        key=query.get("key"),
        ip=query.get("ip", ""),
        request_id=query.get("request_id", ""),
        generation=query.get("generation"),
        since=moment(query.get("from"), zone),
        until=moment(query.get("to"), zone),
    )
