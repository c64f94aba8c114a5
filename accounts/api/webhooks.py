"""Webhooks: receivers, their secrets, and whether they listen."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from accounts import outbox
from accounts.access import Permission
from accounts.actions import webhooks
from accounts.api.operations import WRITE, NoBody, operation
from accounts.api.views import ManagementView, nothing
from accounts.api.webhook_shapes import (
    CallbackSecretShape,
    NewWebhookBody,
    NewWebhookShape,
    OverlapBody,
    SecretShape,
    WebhookChanges,
    WebhookShape,
    WebhooksShape,
)
from accounts.models import WebhookEndpoint
from accounts.webhooks import addresses

WEBHOOK = {
    "id": "0192f0c1-7a00-7000-8000-000000000008",
    "url": "https://example.com/hooks/easel",
    "description": "Shop",
    "events": ["generation.succeeded", "generation.failed"],
    "enabled": True,
    "disabled_at": None,
    "disabled_reason": "",
    "failing_since": None,
    "secret_last_four": "k0A=",
    "previous_secret_until": None,
    "created_at": "2026-11-01T09:00:00Z",
}
SECRET = "whsec_<44 letters, digits and signs>"  # noqa: S105  no secret, but what one looks like
CALLBACKS = {"signed": True, "secret_last_four": "k0A=", "previous_secret_until": None}
MANAGE = Permission.ENDPOINT_MANAGE


class WebhooksView(ManagementView):
    """All receivers of the mode."""

    @operation(
        id="list_webhooks",
        summary="List webhooks",
        description="The receivers of the mode, newest first, without their secrets. At most 20.",
        permission=MANAGE,
        answer=WebhooksShape,
        example={"data": [WEBHOOK]},
    )
    def get(self, request: Request) -> Response:
        return Response(WebhooksShape({"data": outbox.endpoints(self.organization, self.mode)}).data)

    @operation(
        id="create_webhook",
        summary="Create a webhook",
        description="Messages are signed as Standard Webhooks says. The secret is in this answer and in no "
        "other.",
        permission=MANAGE,
        scopes=WRITE,
        body=NewWebhookBody,
        sent={"url": WEBHOOK["url"], "events": WEBHOOK["events"], "description": "Shop"},
        status=201,
        answer=NewWebhookShape,
        example={**WEBHOOK, "secret": SECRET},
        refused=(409,),
    )
    def post(self, request: Request) -> Response:
        _check(self.body)
        row, secret = webhooks.create(
            organization=self.organization,
            mode=self.mode,
            by=self.manager.actor,
            created_by=self.manager.member(),
            **self.body,
        )
        return Response(_told(row, secret), 201)


class WebhookView(ManagementView):
    """One receiver."""

    @operation(
        id="show_webhook",
        summary="Show a webhook",
        description="A receiver of the mode, without its secret.",
        permission=MANAGE,
        answer=WebhookShape,
        example=WEBHOOK,
        refused=(404,),
    )
    def get(self, request: Request, webhook: UUID) -> Response:
        return Response(_shown(_one(self, webhook)))

    @operation(
        id="edit_webhook",
        summary="Edit a webhook",
        description="Changes the fields that are sent. What waits goes to the new URL.",
        permission=MANAGE,
        scopes=WRITE,
        body=WebhookChanges,
        sent={"events": ["balance.low"]},
        answer=WebhookShape,
        example={**WEBHOOK, "events": ["balance.low"]},
        refused=(404,),
    )
    def patch(self, request: Request, webhook: UUID) -> Response:
        found = _one(self, webhook)
        _check(self.body)
        return Response(_shown(webhooks.edit(endpoint=found, changes=self.body, by=self.manager.actor)))

    @operation(
        id="delete_webhook",
        summary="Delete a webhook",
        description="It hears nothing more. Its deliveries stay in the log.",
        permission=MANAGE,
        scopes=WRITE,
        status=204,
        refused=(404,),
    )
    def delete(self, request: Request, webhook: UUID) -> Response:
        webhooks.remove(endpoint=_one(self, webhook), by=self.manager.actor)
        return nothing()


class RotateWebhookView(ManagementView):
    """A new secret for a receiver."""

    @operation(
        id="rotate_webhook",
        summary="Rotate a webhook's secret",
        description="For the overlap, 0 to 7 days, every message carries the signatures of both secrets.",
        permission=MANAGE,
        scopes=WRITE,
        body=OverlapBody,
        sent={"overlap_seconds": 86400},
        answer=NewWebhookShape,
        example={**WEBHOOK, "secret": SECRET},
        refused=(404,),
    )
    def post(self, request: Request, webhook: UUID) -> Response:
        overlap = timedelta(seconds=self.body["overlap_seconds"])
        found = _one(self, webhook)
        row, secret = webhooks.rotate(endpoint=found, overlap=overlap, by=self.manager.actor)
        return Response(_told(row, secret))


class EnableWebhookView(ManagementView):
    """It listens again."""

    @operation(
        id="enable_webhook",
        summary="Enable a webhook",
        description="It is told what happens from now on. What it missed is redelivered on request.",
        permission=MANAGE,
        scopes=WRITE,
        body=NoBody,
        answer=WebhookShape,
        example=WEBHOOK,
        refused=(404,),
    )
    def post(self, request: Request, webhook: UUID) -> Response:
        return Response(_shown(webhooks.enable(endpoint=_one(self, webhook), by=self.manager.actor)))


class DisableWebhookView(ManagementView):
    """It does not listen for a while."""

    @operation(
        id="disable_webhook",
        summary="Disable a webhook",
        description="It is told nothing more. What waits for it is given up and can be redelivered.",
        permission=MANAGE,
        scopes=WRITE,
        body=NoBody,
        answer=WebhookShape,
        example={**WEBHOOK, "enabled": False, "disabled_reason": "by_hand"},
        refused=(404,),
    )
    def post(self, request: Request, webhook: UUID) -> Response:
        webhooks.disable(endpoint=_one(self, webhook), by=self.manager.actor)
        return Response(_shown(_one(self, webhook)))


class PingWebhookView(ManagementView):
    """A message that says nothing."""

    @operation(
        id="ping_webhook",
        summary="Ping a webhook",
        description="Sends it a message that says nothing, to see whether it arrives and verifies. Look for "
        "it in the deliveries.",
        permission=MANAGE,
        scopes=WRITE,
        body=NoBody,
        status=204,
        refused=(404, 409),
    )
    def post(self, request: Request, webhook: UUID) -> Response:
        webhooks.ping(endpoint=_one(self, webhook), by=self.manager.actor)
        return nothing()


class CallbackSecretView(ManagementView):
    """The secret of callbacks to orders' own URLs."""

    @operation(
        id="show_callback_secret",
        summary="Show whether callbacks are signed",
        description="Callbacks to orders' own `callback_url`s carry a signature once there is a secret for "
        "them.",
        permission=MANAGE,
        answer=CallbackSecretShape,
        example=CALLBACKS,
    )
    def get(self, request: Request) -> Response:
        row = outbox.callback_secret(self.organization, self.mode)
        told = {
            "signed": row is not None,
            "secret_last_four": row.last_four if row else "",
            "previous_secret_until": row.previous_until if row else None,
        }
        return Response(CallbackSecretShape(told).data)

    @operation(
        id="rotate_callback_secret",
        summary="Sign callbacks, or rotate their secret",
        description="Callbacks are signed with this new secret from now on; an earlier one goes on signing "
        "for the overlap. The secret is in this answer and in no other.",
        permission=MANAGE,
        scopes=WRITE,
        body=OverlapBody,
        sent={"overlap_seconds": 86400},
        answer=SecretShape,
        example={"secret": SECRET},
    )
    def post(self, request: Request) -> Response:
        overlap = timedelta(seconds=self.body["overlap_seconds"])
        secret = webhooks.rotate_callback_secret(
            organization=self.organization, mode=self.mode, overlap=overlap, by=self.manager.actor
        )
        return Response({"secret": secret})

    @operation(
        id="delete_callback_secret",
        summary="Stop signing callbacks",
        description="Callbacks are sent without a signature again.",
        permission=MANAGE,
        scopes=WRITE,
        status=204,
        refused=(404,),
    )
    def delete(self, request: Request) -> Response:
        webhooks.remove_callback_secret(organization=self.organization, mode=self.mode, by=self.manager.actor)
        return nothing()


def _one(view: ManagementView, webhook: UUID) -> WebhookEndpoint:
    return outbox.endpoint(view.organization, view.mode, webhook)


def _check(body: dict[str, Any]) -> None:
    """A first look at where the URL leads; every try looks again. Raises InvalidValue."""
    if "url" in body:
        asyncio.run(addresses.check(body["url"], field="url"))


def _shown(row: WebhookEndpoint) -> Any:
    return WebhookShape(row).data


def _told(row: WebhookEndpoint, secret: str) -> dict[str, Any]:
    return {**_shown(row), "secret": secret}
