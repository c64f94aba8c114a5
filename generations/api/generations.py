"""Generations: looked back at, cancelled, their pictures deleted, their links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http.response import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.exports import Batch, csv_answer
from accounts.api.fields import UTC, Zone, moment
from accounts.api.operations import WRITE, NoBody, operation
from accounts.api.paging import PageQuery, Pager
from accounts.api.shapes import page_of
from accounts.api.views import ManagementView
from accounts.models import Door
from billing.api.shapes import FORMATS, RANGE
from billing.money import dollars
from generations import handles, listing
from generations.actions import contests, keeping
from generations.api import rendering
from generations.api.examples import CONTEST, GENERATION, IMAGE, WHOLE
from generations.api.problems import not_found
from generations.api.shapes import (
    STATES,
    ContestBody,
    ContestShape,
    CountShape,
    GenerationShape,
    LinksShape,
    WholeShape,
)
from generations.listing import Filters, Item

CSV_ROWS = 500


class GenerationsQuery(PageQuery):
    state = serializers.ChoiceField(STATES, required=False)
    model = serializers.CharField(max_length=100, required=False)
    dialect = serializers.ChoiceField(Door.choices, required=False)
    key = serializers.UUIDField(required=False)
    text = serializers.CharField(max_length=200, required=False, help_text="In the prompt, in any case.")
    timezone = Zone(default=UTC, help_text="In which days begin, and times of the CSV are written.")
    format = serializers.ChoiceField(FORMATS, default="json", help_text="`csv` streams all of them.")

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), **RANGE()}


class GenerationsView(ManagementView):
    """All generations of the mode."""

    @operation(
        id="list_generations",
        csv=True,
        summary="List generations",
        description="Newest first, whichever door made them. A filter without an index looks at 5,000 rows "
        "at a time: a page may be short, or empty, and still have a `next_cursor`.",
        permission=Permission.GENERATION_READ,
        query=GenerationsQuery,
        answer=page_of(GenerationShape),
        example={"data": [GENERATION], "next_cursor": None},
    )
    def get(self, request: Request) -> HttpResponseBase:
        filters, zone = _filters(self.query), self.query["timezone"]
        if self.query["format"] == "csv":
            self.require(Permission.EXPORT_MAKE)
            return csv_answer("generations", HEADER, lambda at: self._batch(filters, zone, at))
        pager = Pager(self.query, self.organization.pk, "generations", self.mode)
        at = pager.position()
        page = listing.page(
            self.organization, self.mode, filters, before=UUID(at[0]) if at else None, size=pager.size
        )
        data = [GenerationShape(rendering.generation(item)).data for item in page.items]
        return Response(pager.answer(data, [page.following] if page.following else None))

    def _batch(self, filters: Filters, zone: ZoneInfo, at: UUID | None) -> Batch:
        page = listing.page(self.organization, self.mode, filters, before=at, size=CSV_ROWS)
        return [_cells(item, zone) for item in page.items], page.following


class GenerationView(ManagementView):
    """One of them."""

    @operation(
        id="show_generation",
        summary="Show a generation",
        description="By its id in any door's form: what was asked, what came out, every attempt, every entry "
        "of the ledger, and a timeline that accounts for each second.",
        permission=Permission.GENERATION_READ,
        answer=WholeShape,
        example=WHOLE,
        refused=(404,),
    )
    def get(self, request: Request, generation: str) -> Response:
        found = listing.whole(self.organization, item_of(self, generation))
        return Response(WholeShape(rendering.whole(found)).data)


class CancelView(ManagementView):
    """The end of one that goes on."""

    @operation(
        id="cancel_generation",
        summary="Cancel a generation",
        description="Gives its hold back at once. 409 when it is final and was not cancelled.",
        permission=Permission.GENERATION_CANCEL,
        scopes=WRITE,
        body=NoBody,
        answer=GenerationShape,
        example={**GENERATION, "state": "cancelled", "kind": "cancelled", "images": []},
        refused=(404, 409),
    )
    def post(self, request: Request, generation: str) -> Response:
        item = item_of(self, generation)
        keeping.cancel(generation=item.row, by=self.manager.actor)
        return Response(GenerationShape(rendering.generation(item_of(self, generation))).data)


class ContestView(ManagementView):
    """What somebody says of the pictures of one."""

    @operation(
        id="contest_generation",
        summary="Report bad images",
        description="For 24 hours after they came, of live work that was charged: an operator looks at them "
        "and refunds the generation, or says why not. Twice is once. 409 when it is too late, or nothing is "
        "left to refund.",
        permission=Permission.GENERATION_SUBMIT,
        scopes=WRITE,
        body=ContestBody,
        sent={"reason": "The lower half is grey"},
        answer=ContestShape,
        example=CONTEST,
        refused=(404, 409),
    )
    def post(self, request: Request, generation: str) -> Response:
        row, reason = item_of(self, generation).row, self.body["reason"]
        contest = contests.report(generation=row, reason=reason, by=self.manager.actor)
        return Response(ContestShape(contest).data)


class OutputsView(ManagementView):
    """The pictures of one."""

    @operation(
        id="delete_outputs",
        summary="Delete the images of a generation",
        description="Now and for good: the objects are gone, their links answer 410, what was charged stays "
        "charged. Twice is once.",
        permission=Permission.GENERATION_CANCEL,
        scopes=WRITE,
        answer=CountShape,
        example={"images": 1},
        refused=(404,),
    )
    def delete(self, request: Request, generation: str) -> Response:
        item = item_of(self, generation)
        return Response({"images": keeping.delete_outputs(generation=item.row, by=self.manager.actor)})


class LinksView(ManagementView):
    """The links of one."""

    @operation(
        id="list_links",
        summary="List the links of a generation",
        description="Each opens without a key, for as long as the image is kept.",
        permission=Permission.IMAGE_READ,
        answer=LinksShape,
        example={"expires_at": "2026-12-20T12:00:00Z", "data": [IMAGE]},
        refused=(404,),
    )
    def get(self, request: Request, generation: str) -> Response:
        return Response(_links(item_of(self, generation)))


class RevokeLinksView(ManagementView):
    """New links for one."""

    @operation(
        id="revoke_links",
        summary="Revoke the links of a generation",
        description="Every link made so far answers 410 from now on. The images stay; the answer has their "
        "new links.",
        permission=Permission.GENERATION_CANCEL,
        scopes=WRITE,
        body=NoBody,
        answer=LinksShape,
        example={"expires_at": "2026-12-20T12:00:00Z", "data": [IMAGE]},
        refused=(404,),
    )
    def post(self, request: Request, generation: str) -> Response:
        keeping.revoke_links(generation=item_of(self, generation).row, by=self.manager.actor)
        return Response(_links(item_of(self, generation)))


def item_of(view: ManagementView, generation: str) -> Item:
    """The generation behind an id of any door. Raises Refused."""
    handle = handles.parse(generation)
    found = listing.find(view.organization, view.mode, handle) if handle else None
    if found is None:
        raise not_found("generation")
    return found


def _links(item: Item) -> Any:
    report = rendering.report_of(item)
    return LinksShape({"expires_at": report.expires_at, "data": rendering.images(report)}).data


def _filters(query: dict[str, Any]) -> Filters:
    zone = query["timezone"]
    return Filters(
        states=(query["state"],) if "state" in query else (),
        model=query.get("model", ""),
        dialect=query.get("dialect", ""),
        key=query.get("key"),
        since=moment(query.get("from"), zone),
        until=moment(query.get("to"), zone),
        text=query.get("text", ""),
    )


HEADER = (
    "id", "created_at", "finished_at", "state", "kind", "dialect", "model", "prompt", "ordered", "delivered",
    "tokens", "cost_usd", "key_id", "member_id", "request_id",
)  # fmt: skip


def _cells(item: Item, zone: ZoneInfo) -> Sequence[Any]:
    row = item.row
    return (
        str(row.pk),
        row.created_at.astimezone(zone).isoformat(),
        row.finished_at.astimezone(zone).isoformat() if row.finished_at else "",
        row.state,
        row.kind,
        row.dialect,
        row.model,
        str(row.order.get("prompt", "")),
        row.count,
        row.delivered,
        row.tokens,
        dollars(row.tokens * row.unit_price),
        str(row.key_id or ""),
        str(row.member_id or ""),
        row.request_id,
    )
