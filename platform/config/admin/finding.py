"""One search box: any id, key, address or hash, and it jumps there (M7).

What is typed comes by POST, so that a key stands in no address and no log; where it leads stands there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.access import Permission
from accounts.admin import glass
from accounts.admin import search as accounts
from accounts.admin.who import may
from accounts.models import Delivery, Membership, OutboxMessage, User, WebhookEndpoint
from billing.admin.ledger import entry_of
from generations.admin import search as generations
from generations.models import ApiRequest, Generation
from runtime.tenancy import operator

LONGEST = 400


class Hit(NamedTuple):
    """Something that was found: what it is, its name, and its page."""

    what: str
    name: str
    link: str


def _page(view: str, identifier: object) -> str:
    return reverse(f"admin:{view}_change", args=[identifier])


def _generations(term: str) -> Iterator[Hit]:
    rows = Generation.objects.across().filter(pk__in=generations.generations(term))
    for row in rows.select_related("organization").only("id", "model", "state", "organization__name"):
        name = f"{row.model}, {row.state}, {row.organization.name}"
        yield Hit("Generation", name, _page("generations_generation", row.pk))


def _requests(term: str) -> Iterator[Hit]:
    if condition := generations.by_request(term):
        for row in ApiRequest.objects.across().filter(condition)[: generations.MOST]:
            yield Hit("Request", f"{row.method} {row.path}", _page("generations_apirequest", row.pk))


def _pictures(term: str) -> Iterator[Hit]:
    for row in generations.pictured(term):
        name = f"No. {row.number} of {row.organization.name}, {row.width} × {row.height}"
        yield Hit("Image", name, _page("generations_output", row.pk))


def _addresses(term: str) -> Iterator[Hit]:
    lists = {"Requests from": "generations_apirequest", "Generations from": "generations_generation"}
    if generations.is_address(term):
        for what, view in lists.items():
            yield Hit(what, term, f"{reverse(f'admin:{view}_changelist')}?q={term}")


def _keys(term: str) -> Iterator[Hit]:
    for key in accounts.keys_like(term):
        name = f"{key.name}, {key.prefix}…, {key.organization.name}"
        yield Hit("API key", name, _page("accounts_apikey", key.pk))


def _organizations(term: str) -> Iterator[Hit]:
    for row in accounts.organizations(term):
        yield Hit("Organization", f"{row.name} ({row.slug})", _page("accounts_organization", row.pk))


def _people(term: str) -> Iterator[Hit]:
    for user in accounts.people(term):
        yield Hit("User", user.email, _page("accounts_user", user.pk))


def _by_uuid(term: str) -> Iterator[Hit]:
    """What else may have this id, each by its primary key."""
    try:
        wanted = UUID(term.removeprefix("msg_"))
    except ValueError:
        return
    for what, view, model in _TABLES:
        rows = model._default_manager.across() if hasattr(model._default_manager, "across") else model.objects
        if rows.filter(Q(pk=wanted)).exists():
            yield Hit(what, str(wanted), _page(view, wanted))


_TABLES: tuple[tuple[str, str, Any], ...] = (
    ("User", "accounts_user", User),
    ("Membership", "accounts_membership", Membership),
    ("Message", "accounts_outboxmessage", OutboxMessage),
    ("Delivery", "accounts_delivery", Delivery),
    ("Endpoint", "accounts_webhookendpoint", WebhookEndpoint),
    ("Request", "generations_apirequest", ApiRequest),
)


def _entries(term: str) -> Iterator[Hit]:
    if found := entry_of(term):
        yield Hit("Ledger entry", f"No. {found}", _page("billing_entry", found))


Finder = Callable[[str], Iterator[Hit]]
FINDERS: Sequence[tuple[Permission, Finder]] = (
    (Permission.KEY_READ, _keys),
    (Permission.GENERATION_READ, _generations),
    (Permission.GENERATION_READ, _requests),
    (Permission.GENERATION_READ, _pictures),
    (Permission.GENERATION_READ, _addresses),
    (Permission.USAGE_READ, _people),
    (Permission.USAGE_READ, _organizations),
    (Permission.GENERATION_READ, _by_uuid),
    (Permission.USAGE_READ, _entries),
)


def find(request: HttpRequest) -> HttpResponse:
    """Where there is one thing that this can mean, to its page; else the choice."""
    term = request.POST.get("find", "").replace("\x00", "").strip()[:LONGEST]
    hits: list[Hit] = []
    if term:
        with operator():
            for permission, finder in FINDERS:
                if may(request, permission):
                    hits += [hit for hit in finder(term) if hit not in hits]
    if len(hits) == 1:
        return HttpResponseRedirect(hits[0].link)
    context = {
        **admin.site.each_context(request),
        "heading": "Find",
        "title": "Find",
        "searched": bool(term),
        "term": "" if accounts.is_key(term) else term,
        "hits": hits[: generations.MOST],
        "prompts": glass.sees_any(request) and bool(term),
    }
    return TemplateResponse(request, "admin/find.html", context)


def mend(request: HttpRequest) -> HttpResponse:
    """Seal prompts and pictures again."""
    if request.method == "POST":
        glass.mend(request)
    return HttpResponseRedirect(reverse("admin:index"))
