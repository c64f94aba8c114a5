"""Generations over all organizations: the list with its pictures, and everything about one of them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from accounts.access import Permission
from accounts.admin.base import ReadOnlyAdmin, may
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
    without_query,
    words,
    yes,
)
from accounts.admin.filters import RecentById, choice, doors
from accounts.admin.search import by_key, by_organization
from accounts.models import Mode
from billing.admin.columns import amount, money, tokens
from billing.admin.ledger import lines_of
from generations import handles
from generations.admin import search
from generations.admin.columns import OUTCOMES, state, state_tag, thumbnail
from generations.admin.filters import ModelFilter, kinds
from generations.models import ApiRequest, Attempt, Generation, Hold, Output, Transition
from generations.models.generation import STATES
from runtime.tenancy import operator

HOLDS = {"open": "wait", "settled": "good", "released": "calm"}
ASKED = ("asked", "format", "compression", "background", "quality", "style", "adjusted")
HIDDEN = format_html('<span class="muted">{}</span>', "Hidden: your role sees no prompts and no images.")


def _prompt(row: Generation) -> Any:
    text = str(row.order.get("prompt", ""))
    return format_html('<span class="prompt" title="{}">{}</span>', text, text[:80])


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


picture = column("Image", lambda row: thumbnail(getattr(row, "first_output", None)))
prompt = column("Prompt", _prompt)
whole_prompt = column("Prompt", lambda row: row.order.get("prompt"), "whole-prompt")
said = column("Text that came along", _said)
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
    private = (picture, prompt, whole_prompt, said)
    finders = (search.by_id, by_key, by_organization)
    search_help_text = "Id of any door, request id, key, organization"
    list_filter = (
        choice("state", STATES), RecentById, choice("mode", Mode.choices), doors(), ModelFilter, kinds,
    )  # fmt: skip
    list_display = (
        column("Id", lambda row: short(row.pk), "id"), picture, state, organization(), prompt,
        plain("model"), column("Door", _door), cost, took, ago("created_at", "When"),
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
    )  # fmt: skip
    before_template, after_template = "admin/pictures.html", "admin/generation.html"

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """With the first picture of each row on the page: one query more, by the index of outputs."""
        changes = super().get_changelist_instance(request)
        changes.result_list = list(changes.result_list)
        if may(request, Permission.IMAGE_READ):
            _attach_pictures(changes.result_list)
        return changes

    def detail(self, request: HttpRequest, row: Generation) -> dict[str, Any]:
        """Its pictures, how it moved, what was tried, what it cost, who asked. One query each."""
        of_it = {"organization_id": row.organization_id, "generation_id": row.pk}
        outputs = Output.objects.across().filter(**of_it).order_by("number")
        seen = may(request, Permission.IMAGE_READ)
        return {
            "pictures": [(output, thumbnail(output, "large")) for output in outputs] if seen else [],
            "hidden": "" if seen else HIDDEN,
            "attempts": [_tried(one) for one in Attempt.objects.across().filter(**of_it).order_by("number")],
            "transitions": _moves(list(Transition.objects.across().filter(**of_it).order_by("id"))),
            "lines": [
                (tag(line.kind, line.tone), line, amount(line.amount))
                for line in lines_of(row.organization_id, row.mode, row.pk)
            ],
            "requests": ApiRequest.objects.across().filter(generation_id=row.pk).order_by("at")[:50],
        }


def _attach_pictures(rows: list[Generation]) -> None:
    outputs = Output.objects.across().filter(
        organization_id__in={row.organization_id for row in rows}, generation_id__in=[row.pk for row in rows]
    )
    first: dict[Any, Output] = {}
    for output in outputs.order_by("-number").defer("signature"):
        first[output.generation_id] = output
    for row in rows:
        row.first_output = first.get(row.pk)  # type: ignore[attr-defined]  # for the column


def _tried(attempt: Attempt) -> dict[str, Any]:
    ended = attempt.finished_at
    return {
        "row": attempt,
        "outcome": tag(attempt.outcome or "running", OUTCOMES.get(attempt.outcome, "calm")),
        "took": span((ended - attempt.started_at).total_seconds()) if ended else "",
    }


def _moves(transitions: list[Transition]) -> list[dict[str, Any]]:
    """Each change with the time since the one before."""
    moved = []
    for before, one in zip([None, *transitions], transitions, strict=False):
        waited = span((one.at - before.at).total_seconds()) if before else ""
        moved.append({"row": one, "tag": state_tag(one.new_state, one.kind), "after": waited})
    return moved


def waiting() -> dict[str, int]:
    """How many are queued and running now. Opens the operator's scope."""
    with operator():
        rows = Generation.objects.across()
        return {name: rows.filter(state=name, hold=Hold.OPEN).count() for name in ("queued", "running")}
