"""How webhooks and what was sent to them are shown, and what may be said of them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.api.fields import UTC, Flag, Moment, Strict, Text, Whole, Zone
from accounts.api.paging import PageQuery
from accounts.models import CALLBACK, PING, Event, OutboxMessage, WebhookEndpoint

WEEK = 7 * 86400
EVENTS = Event.values
SENT_EVENTS = [*EVENTS, CALLBACK, PING]
MESSAGE_STATES = OutboxMessage.State.values


class WebhookShape(serializers.Serializer[Any]):
    """A receiver for the events of the mode."""

    id = serializers.UUIDField()
    url = serializers.CharField()
    description = serializers.CharField()
    events = serializers.ListField(child=serializers.ChoiceField(EVENTS))
    enabled = serializers.BooleanField()
    disabled_at = serializers.DateTimeField(allow_null=True)
    disabled_reason = serializers.ChoiceField(["", *WebhookEndpoint.Reason.values])
    failing_since = serializers.DateTimeField(
        allow_null=True, help_text="Nothing has reached it since then. After five days it is disabled."
    )
    secret_last_four = serializers.CharField(source="last_four")
    previous_secret_until = serializers.DateTimeField(
        source="previous_until", allow_null=True, help_text="Until when the secret before signs too."
    )
    created_at = serializers.DateTimeField()


class NewWebhookShape(WebhookShape):
    """A receiver with its signing secret, which is told this once."""

    secret = serializers.CharField()


class WebhooksShape(serializers.Serializer[Any]):
    """All receivers of the mode."""

    data = WebhookShape(many=True)  # type: ignore[assignment]  # the field of that name


class WebhookChanges(Strict):
    url = Text(max_length=2048, required=False, help_text="https, on its own port.")
    events = serializers.ListField(
        child=serializers.ChoiceField(EVENTS), min_length=1, max_length=len(EVENTS), required=False
    )
    description = Text(max_length=200, allow_blank=True, required=False)


class NewWebhookBody(WebhookChanges):
    url = Text(max_length=2048, help_text="https, on its own port.")
    events = serializers.ListField(
        child=serializers.ChoiceField(EVENTS), min_length=1, max_length=len(EVENTS)
    )


class OverlapBody(Strict):
    overlap_seconds = Whole(
        default=86400, min_value=0, max_value=WEEK, help_text="How long the old secret goes on signing."
    )


class CallbackSecretShape(serializers.Serializer[Any]):
    """What signs the callbacks to orders' own `callback_url`s."""

    signed = serializers.BooleanField()
    secret_last_four = serializers.CharField()
    previous_secret_until = serializers.DateTimeField(allow_null=True)


class SecretShape(serializers.Serializer[Any]):
    """A signing secret, which is told this once."""

    secret = serializers.CharField()


class TryShape(serializers.Serializer[Any]):
    """One try to deliver."""

    number = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField()
    url = serializers.CharField()
    headers = serializers.DictField(child=serializers.CharField(), help_text="As they were sent.")
    status = serializers.IntegerField(allow_null=True, help_text="null when nothing answered.")
    milliseconds = serializers.IntegerField()
    response = serializers.CharField(help_text="The first 4 KB of the answer.")
    error = serializers.CharField(help_text="Empty after a 2xx.")


class DeliveryShape(serializers.Serializer[Any]):
    """A message and every try to deliver it."""

    id = serializers.UUIDField()
    webhook_id = serializers.CharField(help_text="The `webhook-id` that receivers see: same for every try.")
    event = serializers.ChoiceField(SENT_EVENTS)
    state = serializers.ChoiceField(MESSAGE_STATES)
    endpoint_id = serializers.UUIDField(allow_null=True, help_text="null: an order's own callback.")
    url = serializers.CharField()
    generation_id = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()
    next_at = serializers.DateTimeField(allow_null=True, help_text="When it is tried next.")
    tries = TryShape(many=True)


class WholeDeliveryShape(DeliveryShape):
    """A message with its body."""

    body = serializers.CharField(help_text="Empty until it was sent for the first time.")


class DeliveriesQuery(PageQuery):
    webhook = serializers.UUIDField(required=False)
    event = serializers.ChoiceField(SENT_EVENTS, required=False)
    state = serializers.ChoiceField(MESSAGE_STATES, required=False)
    generation = serializers.UUIDField(required=False)
    timezone = Zone(default=UTC, help_text="In which days begin.")

    def get_fields(self) -> dict[str, Any]:
        ends = {"from": Moment(required=False), "to": Moment(required=False)}
        return {**super().get_fields(), **ends}


class RedeliverBody(Strict):
    """A range of messages. `webhook_id` null: the orders' own callbacks."""

    webhook_id = serializers.UUIDField(allow_null=True, default=None)
    missed = Flag(default=True, help_text="Only what was not delivered.")

    def get_fields(self) -> dict[str, Any]:
        ends = {"from": Moment(help_text="The first moment."), "to": Moment(help_text="The end, without it.")}
        return {**ends, **super().get_fields()}


class RedeliveredShape(serializers.Serializer[Any]):
    """How many are sent again."""

    count = serializers.IntegerField()
