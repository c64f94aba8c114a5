"""Generations over all organizations: the list with its pictures, and everything about one of them."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from accounts.access import Permission
from accounts.admin import glass
from accounts.admin.base import ReadOnlyAdmin
from accounts.admin.columns import (
    ago,
    code,
    column,
    figures,
    link,
    mode,
    mono,
    organization,
    pairs,
    plain,
    short,
    span,
    tag,
    text,
    without_query,
    words,
    yes,
)
from accounts.admin.exporting import Field
from accounts.admin.filters import RangeFilter, RecentById, choice, doors
from accounts.admin.glass import sealed
from accounts.admin.search import by_key, by_organization
from accounts.admin.webhooks import SENT
from accounts.models import AuditEvent, Mode, OutboxMessage
from billing.admin.columns import amount, money, tokens
from billing.admin.ledger import lines_of
from billing.money import dollars
from generations import handles, listing, timeline
from generations.admin import pictures, search
from generations.admin.columns import OUTCOMES, state, state_tag, thumbnail
from generations.admin.deeds import Cancel, Refund, Replay, Unseal
from generations.admin.filters import (
    EndedFilter,
    ModelFilter,
    PromptFilter,
    TriedChannelFilter,
    kinds_by_index,
)
from generations.listing import Item
from generations.models import Attempt, Generation, Output
from generations.models.generation import STATES

HOLDS = {"open": "wait", "settled": "good", "released": "calm"}
ASKED = ("asked", "format", "compression", "background", "quality", "style", "adjusted")


def _prompt(row: Generation) -> Any:
    text = str(row.order.get("prompt", ""))
    return format_html('<span class="prompt" title="{}">{}</span>', text, text[:80])


def _order(row: Generation) -> str:
    """The request, as far as it is kept: pictures in it by their storage keys."""
    return json.dumps(row.order, indent=2, ensure_ascii=False)


def _dollars(row: Generation) -> Any:
    return dollars(row.tokens * row.unit_price)


def _door(row: Generation) -> Any:
    """Where it came in, and whether it was only a test."""
    return format_html("{} {}", row.dialect, tag("test", "test")) if row.mode == "test" else row.dialect


def _seconds(row: Generation) -> str | None:
    return span((row.finished_at - row.created_at).total_seconds()) if row.finished_at else None


def _images(row: Generation) -> Any:
    return format_html('<span class="number">{}<small> of {}</small></span>', row.delivered, row.count)


def _size(row: Generation) -> str:
    ratio, resolution = row.order.get("ratio"), row.order.get("resolution")
    return f"{ratio or 'as its input'} at {resolution}"


def _asked(row: Generation) -> Any:
    """The rest of the order, as far as it was said."""
    order = {name: row.order.get(name) for name in ASKED}
    order |= {"input images": len(row.order.get("inputs", ())) or None}
    return pairs({name: value for name, value in order.items() if value not in (None, "", [])})


def _said(row: Generation) -> str:
    return " ".join(str(part["text"]) for part in row.parts if part.get("text"))


def _callback(row: Generation) -> str | None:
    return without_query(row.callback_url) if row.callback_url else None


picture = sealed(column("Image", lambda row: thumbnail(getattr(row, "first_output", None))))
prompt = sealed(column("Prompt", _prompt))
whole_prompt = sealed(column("Prompt", lambda row: row.order.get("prompt"), "whole-prompt"))
said = sealed(column("Text that came along", _said))
asked = sealed(column("Order", lambda row: text(_order(row)), "order"))
charged = tokens("Tokens", lambda row: row.tokens)
cost = money("Cost", lambda row: row.tokens * row.unit_price)
held = money("Held at submit", lambda row: row.tokens_held * row.unit_price)
took = figures("Took", _seconds)
key = link("Key", "accounts_apikey", "key_id", lambda row: code(row.key.prefix) if row.key else None)
member = link("Member", "accounts_user", "member_id", lambda row: row.member and row.member.email)


@admin.register(Generation)
class GenerationAdmin(ReadOnlyAdmin):
    heading, icon, permission = "Generations", "imagesmode", Permission.GENERATION_READ
    joins = ("organization", "key", "member")
    secrets = ("key__digest", "key__previous_digest", "member__password")
    private = (picture, prompt, whole_prompt, said, asked)
    finders = (search.by_id, by_key, search.asked_from, by_organization)
    search_help_text = "Id of any door, request id, key, address, organization"
    deeds = (Cancel(), Refund(), Replay(), Unseal())
    list_filter = (
        choice("state", STATES, loose=False), RecentById, RangeFilter, PromptFilter,
        choice("mode", Mode.choices), doors(), ModelFilter, TriedChannelFilter, kinds_by_index, EndedFilter,
    )  # fmt: skip
    list_display = (
        column("Id", lambda row: short(row.pk), "id"), picture, state, ago("created_at", "When"),
        organization(), prompt, plain("model"), column("Door", _door), cost, took,
    )  # fmt: skip
    export = (
        Field("id", lambda row: row.pk), Field("created_at", lambda row: row.created_at),
        Field("finished_at", lambda row: row.finished_at),
        Field("organization", lambda row: row.organization.slug), Field("mode", lambda row: row.mode),
        Field("key", lambda row: row.key.prefix if row.key else ""), Field("door", lambda row: row.dialect),
        Field("model", lambda row: row.model), Field("state", lambda row: row.state),
        Field("kind", lambda row: row.kind), Field("message", lambda row: row.message),
        Field("ordered", lambda row: row.count), Field("images", lambda row: row.delivered),
        Field("tokens", lambda row: row.tokens), Field("usd", _dollars),
        Field("attempts", lambda row: row.attempt), Field("request_id", lambda row: row.request_id),
        Field("prompt", lambda row: row.order.get("prompt"), private=True),
    )  # fmt: skip
    groups = (
        ("Generation", (
            state, plain("message"), organization(), key, member, mode(),
            plain("dialect", "Door"), mono("model"), yes("synchronous", "Caller waits"),
        )),
        ("Order", (
            whole_prompt, column("Size", _size), column("Images", _images), column("Also", _asked),
            said, column("Callback", _callback),
        )),
        ("Money", (words("hold", HOLDS), held, charged, cost)),
        ("Times", (
            ago("created_at"), ago("started_at"), ago("finished_at"), took, ago("deadline_at", "Deadline"),
            ago("lease_expires_at", "Lease ends"), ago("expires_at", "Images kept until"),
        )),
        ("Names", (
            mono("id", "Id"), column("EvoLink", lambda row: code(handles.evolink(row.pk, row.ticket))),
            column("ToAPIs", lambda row: code(handles.toapis(row.pk))),
            column("Gemini", lambda row: code(handles.gemini(row.pk))),
            column("GMI Cloud", lambda row: code(handles.gmi(row.pk))), mono("request_id", "Request"),
        )),
        ("Request as it was understood", (asked,)),
    )  # fmt: skip
    before_template, after_template = "admin/pictures.html", "admin/generation.html"

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """With the first picture of each row on the page: one query more, by the index of outputs."""
        changes = super().get_changelist_instance(request)
        if glass.sees_any(request):
            _attach_pictures([row for row in changes.result_list if not row.sealed])
        return changes

    def detail(self, request: HttpRequest, row: Generation) -> dict[str, Any]:
        """Its pictures, how its seconds and tokens went, what was tried, who asked, who was told: a query
        for each kind of row."""
        of_it = {"organization_id": row.organization_id, "generation_id": row.pk}
        outputs = tuple(Output.objects.across().filter(**of_it).order_by("number"))
        whole, account = timeline.read(row.organization, Item(row, outputs))
        return {
            "pictures": [] if row.sealed else [(output, thumbnail(output, "large")) for output in outputs],  # type: ignore[attr-defined]  # marked
            "sealed": row.sealed and pictures.unsealing(self, request, row),  # type: ignore[attr-defined]  # marked
            "attempts": [_tried(one) for one in whole.attempts],
            "account": account,
            "transitions": _moves(whole),
            "lines": [
                (tag(line.kind, line.tone), line, amount(line.amount))
                for line in lines_of(row.organization_id, row.mode, row.pk)
            ],
            "requests": whole.requests,
            "messages_sent": _messages(row),
            "events": AuditEvent.objects.across().filter(object_id=str(row.pk)).order_by("-id")[:20],
        }


def _messages(row: Generation) -> list[Any]:
    """What was told of it, and to whom."""
    rows = OutboxMessage.objects.across().filter(organization_id=row.organization_id, generation_id=row.pk)
    halves = (rows.filter(endpoint=None), rows.filter(endpoint__isnull=False))  # each has an index
    found = [one for half in halves for one in half.select_related("endpoint").defer("body")]
    return [(one, tag(one.get_state_display(), SENT[one.state]), _target(one)) for one in found]


def _target(message: OutboxMessage) -> str:
    return without_query(message.endpoint.url if message.endpoint else message.url)


def _attach_pictures(rows: list[Generation]) -> None:
    first = pictures.first_of((row.organization_id, row.pk) for row in rows)
    for row in rows:
        row.first_output = first.get(row.pk)  # type: ignore[attr-defined]  # for the column


def _tried(attempt: Attempt) -> dict[str, Any]:
    ended_at = attempt.finished_at
    return {
        "row": attempt,
        "outcome": tag(attempt.outcome or "running", OUTCOMES.get(attempt.outcome, "calm")),
        "took": span((ended_at - attempt.started_at).total_seconds()) if ended_at else "",
        "cost": "" if attempt.provider_cost is None else amount(attempt.provider_cost),
    }


def _moves(whole: listing.Whole) -> list[dict[str, Any]]:
    """Each change with the time since the one before."""
    moved = []
    for before, one in zip([None, *whole.transitions], whole.transitions, strict=False):
        waited = span((one.at - before.at).total_seconds()) if before else ""
        moved.append({"row": one, "tag": state_tag(one.new_state, one.kind), "after": waited})
    return moved
