"""The delivery inspector: what was sent to a receiver, every try of it, and sending it again."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import outbox
from accounts.access import Permission
from accounts.actions import redelivery
from accounts.errors import Conflict, InvalidValue, NotFound
from accounts.forms.webhooks import LogForm, RangeForm
from accounts.models import CALLBACK, PING, Delivery, Event, OutboxMessage
from accounts.shell import TeamRequest, team_page
from accounts.views.addresses import place_of
from accounts.views.webhooks import address, require_endpoint
from accounts.webhooks import reading
from accounts.webhooks.reading import Wanted
from runtime.clock import utc_now

SIZE = 25
USUAL = timedelta(hours=24)


# ---- the log of one receiver -----------------------------------------------------------------


@team_page(Permission.ENDPOINT_MANAGE)
@require_safe
def endpoint(request: TeamRequest, endpoint: UUID) -> HttpResponse:
    """One endpoint: what it is, how it does, what it was sent."""
    row = require_endpoint(request, endpoint)
    events = [*row.endpoint.events, PING]
    context = {
        "row": row,
        "endpoint": row.endpoint,
        "now": utc_now(),
        "may_disable": request.team.may(Permission.ENDPOINT_DISABLE),
    }
    log = _log(request, row.endpoint.pk, events)
    return render(request, "accounts/webhooks/detail.html", {**context, **log})


@team_page(Permission.ENDPOINT_MANAGE)
@require_safe
def callbacks(request: TeamRequest) -> HttpResponse:
    """What was sent to the URLs that orders named themselves."""
    team = request.team
    context = {
        "health": reading.callbacks(team.organization, team.mode),
        "signer": outbox.callback_secret(team.organization, team.mode),
        "now": utc_now(),
    }
    return render(request, "accounts/webhooks/callbacks.html", {**context, **_log(request, None, [CALLBACK])})


def _log(request: TeamRequest, endpoint: UUID | None, events: list[str]) -> dict[str, Any]:
    """A page of what was sent, as narrowed by the address."""
    form = LogForm(request.GET)
    asked = form.cleaned_data if form.is_valid() else {}
    wanted = Wanted(
        event=asked.get("event") or "",
        state=asked.get("state") or "",
        since=_begin(asked.get("since")),
        until=_begin(asked.get("until"), days=1),
    )
    team = request.team
    page = reading.log(team.organization, team.mode, endpoint, wanted, place_of(request), size=SIZE)
    kept = {name: request.GET[name] for name in form.fields if request.GET.get(name)}
    return {
        "log": page,
        "filter": form,
        "events": [(event, _event_title(event)) for event in dict.fromkeys(events)],
        "chips": _chips(form, kept),
        "narrowed": bool(kept),
        "newer": f"?{urlencode({**kept, 'after': page.newer})}" if page.newer else "",
        "older": f"?{urlencode({**kept, 'before': page.older})}" if page.older else "",
    }


def _begin(day: date | None, days: int = 0) -> datetime | None:
    return datetime.combine(day + timedelta(days=days), time(), UTC) if day else None


def _chips(form: LogForm, kept: Mapping[str, str]) -> list[tuple[str, str]]:
    """What narrows the list, in words, each with the address without it."""
    words = {
        "event": _event_title,
        "state": _state_title,
        "since": "from {}".format,
        "until": "up to {}".format,
    }
    return [
        (words[name](value), f"?{urlencode({other: kept[other] for other in kept if other != name})}")
        for name, value in kept.items()
        if not form.errors.get(name)
    ]


def _event_title(event: str) -> str:
    known = {**dict(Event.choices), CALLBACK: "A generation is final", PING: "A test message"}
    return str(known.get(event, event))


def _state_title(state: str) -> str:
    return str(dict(OutboxMessage.State.choices).get(state, state))


# ---- one message -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Try:
    """A try as the page shows it: headers by name, what came back as text."""

    row: Delivery
    headers: list[tuple[str, str]]
    response: str


@team_page(Permission.ENDPOINT_MANAGE)
@require_safe
def delivery(request: TeamRequest, message: UUID) -> HttpResponse:
    """One message with every try of it, the newest first."""
    row = _require(request, message)
    tries = outbox.tries(request.team.organization, [row]).get(row.pk, [])
    context = {
        "message": row,
        "title": _event_title(row.event),
        "body": _pretty(bytes(row.body)) if row.rendered_at else "",
        "tries": [_shown(each) for each in reversed(tries)],
        "page": _receiver(request, row),
        "can_resend": row.endpoint is None or row.endpoint.enabled,
        "sending": row.claimed_until is not None and row.claimed_until > utc_now(),
    }
    return render(request, "accounts/webhooks/delivery.html", context)


def _require(request: TeamRequest, message: UUID) -> OutboxMessage:
    try:
        return outbox.message(request.team.organization, request.team.mode, message)
    except NotFound:
        raise Http404 from None


def _receiver(request: TeamRequest, message: OutboxMessage) -> str:
    """The page of the receiver; of all receivers, where its endpoint was removed."""
    slug = {"team": request.team.organization.slug}
    if message.endpoint is None:
        return reverse("callbacks", kwargs=slug)
    if message.endpoint.removed_at is not None:
        return reverse("webhooks", kwargs=slug)
    return address(request, "webhook", message.endpoint.pk)


def _shown(row: Delivery) -> Try:
    return Try(row, sorted(row.headers.items()), bytes(row.response).decode("utf-8", "replace"))


def _pretty(body: bytes) -> str:
    """JSON indented, everything else as it is."""
    text = body.decode("utf-8", "replace")
    with contextlib.suppress(ValueError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return text


# ---- again -----------------------------------------------------------------------------------


@team_page(Permission.ENDPOINT_MANAGE)
@require_POST
def redeliver(request: TeamRequest, message: UUID) -> HttpResponse:
    """Send one message again."""
    row = _require(request, message)
    try:
        redelivery.redeliver(message=row, by=request.actor)
    except (Conflict, NotFound) as problem:
        messages.error(request, problem.message)
    else:
        messages.success(request, "It is sent again, with the same webhook-id.")
    return redirect(reverse("delivery", kwargs={"team": request.team.organization.slug, "message": row.pk}))


@team_page(Permission.ENDPOINT_MANAGE)
@require_http_methods(["GET", "POST"])
def redeliver_range(request: TeamRequest, endpoint: UUID | None = None) -> HttpResponse:
    """How many messages of a range would be sent again; posted, they are. To an endpoint, or without
    one to the orders' own URLs."""
    row = require_endpoint(request, endpoint).endpoint if endpoint else None
    page = _page_of(request, endpoint)
    asked = request.POST if request.method == "POST" else request.GET
    form = RangeForm(asked if "since" in asked else None, initial=_usual())
    count: int | None = None
    if form.is_bound and form.is_valid():
        if request.method == "POST" and _redeliver(request, row, form):
            return redirect(page)
        (since, until), team = form.ends, request.team
        count = reading.in_range(team.organization, team.mode, endpoint, since, until, missed=form.missed)
    context = {
        "form": form,
        "count": count,
        "endpoint": row,
        "page": page,
        "most": redelivery.MOST_REDELIVERED,
    }
    return render(request, "accounts/webhooks/redeliver.html", context)


def _page_of(request: TeamRequest, endpoint: UUID | None) -> str:
    if endpoint is None:
        return reverse("callbacks", kwargs={"team": request.team.organization.slug})
    return address(request, "webhook", endpoint)


def _usual() -> dict[str, Any]:
    """The last day, to the minute after this one."""
    now = utc_now().replace(second=0, microsecond=0)
    return {"since": now - USUAL, "until": now + timedelta(minutes=1)}


def _redeliver(request: TeamRequest, endpoint: Any, form: RangeForm) -> bool:
    """False when it was refused, which the form then says."""
    since, until = form.ends
    try:
        count = redelivery.redeliver_range(
            organization=request.team.organization,
            mode=request.team.mode,
            since=since,
            until=until,
            by=request.actor,
            endpoint=endpoint,
            missed=form.missed,
        )
    except (InvalidValue, Conflict, NotFound) as problem:
        field = getattr(problem, "field", None)
        form.add_error(field if field in form.fields else None, problem.message)
        return False
    messages.success(
        request, f"{count:,} message{'' if count == 1 else 's'} will be sent again, in order, each once."
    )
    return True
