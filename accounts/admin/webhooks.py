"""What leaves the house: endpoints, messages, and each try to deliver one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from accounts.access import Permission
from accounts.actions import redelivery, webhooks
from accounts.admin import search
from accounts.admin.base import ReadOnlyAdmin
from accounts.admin.columns import (
    ago,
    column,
    count,
    figures,
    link,
    listed,
    mode,
    moment,
    mono,
    organization,
    pairs,
    plain,
    short,
    tag,
    text,
    without_query,
    words,
)
from accounts.admin.deeds import Deed, Values
from accounts.admin.filters import RecentById, choice
from accounts.admin.glass import sealed
from accounts.admin.who import actor
from accounts.models import CALLBACK, PING, Delivery, Event, Mode, OutboxMessage, WebhookEndpoint
from accounts.webhooks.deliveries import Failure
from runtime.egress import Reason

SENT = {"pending": "wait", "delivered": "good", "dead": "bad"}
FAILURES = [*Failure, *Reason]
EVENTS = [*Event.choices, (CALLBACK, "Callback of an order"), (PING, "Ping")]


class Redeliver(Deed):
    name, title, icon = "redeliver", "Redeliver", "forward_to_inbox"
    permission = Permission.MESSAGE_REDELIVER
    says = "Sent again with the same webhook id, and another round of tries: a receiver that has it knows it."

    def problem(self, row: Any) -> str:
        endpoint = row.endpoint
        return "its endpoint is disabled." if endpoint and not endpoint.enabled else ""

    def label(self, row: Any) -> str:
        return f"{row.event} of {row.organization.name}"

    def effect(self, row: Any, values: Values) -> str:
        return f"To {_target(row)}, {row.sends} tries so far."

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        redelivery.redeliver(message=row, by=actor(request), reason=values["reason"])

    def done(self, count: int) -> str:
        return "It is on its way again." if count == 1 else f"{count:,} messages are on their way again."


class RedeliverMessage(Redeliver):
    """The same, from one of its tries."""

    def problem(self, row: Any) -> str:
        return super().problem(row.message)

    def label(self, row: Any) -> str:
        return f"{row.message.event} of {row.organization.name}"

    def effect(self, row: Any, values: Values) -> str:
        return super().effect(row.message, values)

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        super().do(request, row.message, values, reference)


class Disable(Deed):
    name, title, icon, grave = "disable", "Disable", "cloud_off", True
    permission = Permission.ENDPOINT_DISABLE
    says = "It is told nothing more. What waits for it is given up; its team can enable it and redeliver."

    def problem(self, row: Any) -> str:
        return "" if row.enabled else "it is disabled already."

    def label(self, row: Any) -> str:
        return f"{row.host} of {row.organization.name}"

    def effect(self, row: Any, values: Values) -> str:
        return "Its owners are told by their other endpoints and in the audit trail."

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        webhooks.disable(endpoint=row, by=actor(request), reason=values["reason"])

    def done(self, count: int) -> str:
        return "The endpoint is disabled." if count == 1 else f"{count:,} endpoints are disabled."


def _target(row: Any) -> str:
    return without_query(row.endpoint.url if row.endpoint else row.url)


def _state(row: Any) -> Any:
    if row.removed_at:
        return tag("removed", "calm")
    if not row.enabled:
        return tag("disabled", "bad")
    return tag("failing", "warn") if row.failing_since else tag("enabled", "good")


def _by_message(term: str) -> Q | None:
    found = search.message(term)
    return Q(pk=found) if found else None


def _of_message(term: str) -> Q | None:
    found = search.message(term)
    return Q(message_id=found) if found else None


def _result(row: Any) -> Any:
    if not row.error:
        return tag(str(row.status), "good")
    return tag(f"{row.status or ''} {row.error}".strip(), "bad")


@admin.register(WebhookEndpoint)
class EndpointAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Endpoints", "webhook", Permission.GENERATION_READ
    called = "host"
    joins, secrets = ("organization", "created_by"), ("secret", "previous_secret", "created_by__password")
    list_filter = (choice("mode", Mode.choices), choice("enabled", (("1", "Enabled"), ("0", "Disabled"))))
    search_help_text = "Organization"
    finders = (search.by_organization,)
    deeds = (Disable(),)
    state = column("State", _state)
    url = column("URL", lambda row: without_query(row.url))
    list_display = (
        plain("host"), organization(), mode(), state, listed("events"), ago("failing_since"),
        ago("created_at"),
    )  # fmt: skip
    groups = (
        ("Endpoint", (url, organization(), mode(), state, plain("description"), listed("events"))),
        ("Life", (
            ago("failing_since"), ago("disabled_at"),
            column("Why", lambda row: row.get_disabled_reason_display()), ago("removed_at"),
            ago("created_at"), mono("id", "Id"),
        )),
    )  # fmt: skip


@admin.register(OutboxMessage)
class OutboxAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Messages", "outbox", Permission.GENERATION_READ
    joins = ("organization", "endpoint")
    secrets = ("endpoint__secret", "endpoint__previous_secret")
    list_filter = (
        choice("state", OutboxMessage.State.choices), RecentById, choice("event", EVENTS),
        choice("mode", Mode.choices),
    )  # fmt: skip
    search_help_text = "Message id, generation, organization"
    finders = (_by_message, search.by_organization)
    deeds = (Redeliver(),)
    target = column("To", _target, "target")
    body = sealed(column("Body", lambda row: text(bytes(row.body)), "body"))
    private = (body,)
    generation = link(
        "Generation", "generations_generation", "generation_id", lambda row: short(row.generation_id)
    )
    list_display = (
        mono("event"), organization(), words("state", SENT), target, count("sends", "Tries"), generation,
        ago("created_at"),
    )  # fmt: skip
    groups = (
        ("Message", (
            mono("event"), organization(), mode(), words("state", SENT), target, generation,
            mono("webhook_id", "Webhook id"),
        )),
        ("Delivery", (
            count("sends", "Tries in all"), count("attempts", "Tries of this round"),
            column("Next try", lambda row: moment(row.next_at) if row.state == "pending" else None),
            ago("replayed_at", "Redelivered"), ago("created_at"), mono("id", "Id"),
        )),
        ("Body", (body,)),
    )  # fmt: skip
    after_template = "admin/message.html"

    def detail(self, request: HttpRequest, row: OutboxMessage) -> dict[str, Any]:
        tries = Delivery.objects.across().filter(organization_id=row.organization_id, message=row)
        return {"tries": [(one, _result(one)) for one in tries.order_by("-number")[:50]]}


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Deliveries", "local_shipping", Permission.GENERATION_READ
    joins = ("organization", "message", "message__endpoint")
    secrets = ("message__body", "message__endpoint__secret", "message__endpoint__previous_secret")
    list_filter = (
        choice("error", [(word, word.replace("_", " ").capitalize()) for word in FAILURES]),
        RecentById, choice("mode", Mode.choices),
    )  # fmt: skip
    search_help_text = "Message id, organization"
    finders = (_of_message, search.by_organization)
    deeds = (RedeliverMessage(),)
    result = column("Answer", _result, "answer")
    url = column("To", lambda row: without_query(row.url), "target")
    took = figures("Took", lambda row: f"{row.milliseconds:,} ms")
    event = link("Message", "accounts_outboxmessage", "message_id", lambda row: row.message.event)
    answer = column("Body of the answer", lambda row: text(bytes(row.response)))
    list_display = (
        column("Try", lambda row: f"{row.message.event} no. {row.number}", "try"), organization(), result,
        url, took, ago("started_at", "When"),
    )  # fmt: skip
    groups = (
        ("Try", (event, count("number", "No."), organization(), mode(), result, took)),
        ("Request", (
            url, column("Headers", lambda row: pairs(_shown(row.headers))), ago("started_at"),
            ago("ended_at"),
        )),
        ("Answer", (answer,)),
    )  # fmt: skip


def _shown(headers: dict[str, str]) -> dict[str, str]:
    """Without what proves that it was us."""
    return {name: value for name, value in headers.items() if not name.lower().endswith("signature")}
