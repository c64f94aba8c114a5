"""What was sent, what came back, and sending it again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from accounts import outbox
from accounts.access import Permission
from accounts.actions import redelivery
from accounts.api.fields import UTC, moment
from accounts.api.operations import WRITE, NoBody, operation
from accounts.api.paging import Pager
from accounts.api.problems import invalid
from accounts.api.shapes import page_of
from accounts.api.views import ManagementView
from accounts.api.webhook_shapes import (
    DeliveriesQuery,
    DeliveryShape,
    RedeliverBody,
    RedeliveredShape,
    WholeDeliveryShape,
)
from accounts.errors import InvalidValue, NotFound
from accounts.models import Delivery, OutboxMessage
from accounts.outbox import Wanted

TRY = {
    "number": 1,
    "started_at": "2026-11-20T12:00:09Z",
    "ended_at": "2026-11-20T12:00:09Z",
    "url": "https://example.com/hooks/easel",
    "headers": {"webhook-id": "msg_0192f0c1-7a00-7000-8000-000000000009"},
    "status": 200,
    "milliseconds": 84,
    "response": "ok",
    "error": "",
}
DELIVERY = {
    "id": "0192f0c1-7a00-7000-8000-000000000009",
    "webhook_id": "msg_0192f0c1-7a00-7000-8000-000000000009",
    "event": "generation.succeeded",
    "state": "delivered",
    "endpoint_id": "0192f0c1-7a00-7000-8000-000000000008",
    "url": "https://example.com/hooks/easel",
    "generation_id": "0192f0c1-7a00-7000-8000-000000000004",
    "created_at": "2026-11-20T12:00:08Z",
    "next_at": None,
    "tries": [TRY],
}


class DeliveriesView(ManagementView):
    """All messages of the mode."""

    @operation(
        id="list_deliveries",
        summary="List deliveries",
        description="Messages to webhooks and to orders' own callbacks, newest first, each with every try: "
        "what was sent, the status, the time it took, the first 4 KB of the answer.",
        permission=Permission.ENDPOINT_MANAGE,
        query=DeliveriesQuery,
        answer=page_of(DeliveryShape),
        example={"data": [DELIVERY], "next_cursor": None},
    )
    def get(self, request: Request) -> Response:
        pager = Pager(self.query, self.organization.pk, "deliveries", self.mode)
        at = pager.position()
        rows = outbox.messages(
            self.organization,
            self.mode,
            _wanted(self.query),
            before=UUID(at[0]) if at else None,
            size=pager.size + 1,
        )
        tries = outbox.tries(self.organization, rows[: pager.size])
        return Response(
            pager.page(
                rows, lambda row: DeliveryShape(_message(row, tries[row.pk])).data, lambda row: [row.pk]
            )
        )


class DeliveryView(ManagementView):
    """One message."""

    @operation(
        id="show_delivery",
        summary="Show a delivery",
        description="A message with its body and every try.",
        permission=Permission.ENDPOINT_MANAGE,
        answer=WholeDeliveryShape,
        example={**DELIVERY, "body": "{}"},
        refused=(404,),
    )
    def get(self, request: Request, delivery: UUID) -> Response:
        return Response(_whole(self, outbox.message(self.organization, self.mode, delivery)))


class RedeliverView(ManagementView):
    """One message again."""

    @operation(
        id="redeliver",
        summary="Redeliver",
        description="Sends a message again, delivered or not, with the same `webhook-id`.",
        permission=Permission.ENDPOINT_MANAGE,
        scopes=WRITE,
        body=NoBody,
        answer=WholeDeliveryShape,
        example={**DELIVERY, "state": "pending", "body": "{}"},
        refused=(404, 409),
    )
    def post(self, request: Request, delivery: UUID) -> Response:
        found = outbox.message(self.organization, self.mode, delivery)
        redelivery.redeliver(message=found, by=self.manager.actor)
        return Response(_whole(self, outbox.message(self.organization, self.mode, delivery)))


class RedeliverRangeView(ManagementView):
    """Many messages again."""

    @operation(
        id="redeliver_range",
        summary="Redeliver a range",
        description="Sends what happened in a range again, each message once, in order, with the same "
        "`webhook-id`: to one webhook, or without one to the orders' own callbacks. At most 10,000.",
        permission=Permission.ENDPOINT_MANAGE,
        scopes=WRITE,
        body=RedeliverBody,
        sent={"from": "2026-11-20T12:00:00Z", "to": "2026-11-20T13:00:00Z"},
        answer=RedeliveredShape,
        example={"count": 42},
        refused=(409,),
    )
    def post(self, request: Request) -> Response:
        since, until = moment(self.body["from"], UTC), moment(self.body["to"], UTC)
        assert since is not None
        assert until is not None
        try:
            count = redelivery.redeliver_range(
                organization=self.organization,
                mode=self.mode,
                since=since,
                until=until,
                endpoint=self._webhook(),
                missed=self.body["missed"],
                by=self.manager.actor,
            )
        except InvalidValue as problem:
            raise invalid(
                {"since": "from", "until": "to"}.get(problem.field, ""), problem.message
            ) from problem
        return Response({"count": count})

    def _webhook(self) -> Any:
        named: UUID | None = self.body["webhook_id"]
        try:
            return outbox.endpoint(self.organization, self.mode, named) if named else None
        except NotFound as problem:
            raise invalid("webhook_id", problem.message) from None


def _wanted(query: dict[str, Any]) -> Wanted:
    zone = query["timezone"]
    return Wanted(
        endpoint=query.get("webhook"),
        event=query.get("event", ""),
        state=query.get("state", ""),
        generation=query.get("generation"),
        since=moment(query.get("from"), zone),
        until=moment(query.get("to"), zone),
    )


def _whole(view: ManagementView, row: OutboxMessage) -> Any:
    tries = outbox.tries(view.organization, [row])
    body = bytes(row.body).decode("utf-8", "replace") if row.rendered_at else ""
    return WholeDeliveryShape({**_message(row, tries[row.pk]), "body": body}).data


def _message(row: OutboxMessage, tries: Sequence[Delivery]) -> dict[str, Any]:
    waits = row.state == OutboxMessage.State.PENDING
    names = ("id", "webhook_id", "event", "state", "endpoint_id", "generation_id", "created_at")
    return {
        **{name: getattr(row, name) for name in names},
        "url": row.endpoint.url if row.endpoint else row.url,
        "next_at": row.next_at if waits else None,
        "tries": [_try(one) for one in tries],
    }


def _try(row: Delivery) -> dict[str, Any]:
    names = ("number", "started_at", "ended_at", "url", "headers", "status", "milliseconds", "error")
    shown = {name: getattr(row, name) for name in names}
    return {**shown, "response": bytes(row.response).decode("utf-8", "replace").replace("\x00", "\ufffd")}
