"""`/inbox/`: what arrived in the development inboxes of one's teams. Production has no such page."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from accounts import directory
from accounts.models import InboxItem, Organization, User
from accounts.webhooks import inbox

View = Callable[..., HttpResponse]


def in_development(view: View) -> View:
    """404 in production, as if there were nothing."""

    @wraps(view)
    def answer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if not inbox.is_open():
            raise Http404
        return view(request, *args, **kwargs)

    return answer


@dataclass(frozen=True, slots=True)
class Team:
    """One of the teams of whoever looks, its inbox's address, and what arrived there."""

    organization: Organization
    address: str
    items: list[Shown]


@dataclass(frozen=True, slots=True)
class Shown:
    """An item as the page shows it: JSON indented, everything else as text."""

    item: InboxItem
    headers: Mapping[str, str]
    body: str


@in_development
@never_cache
@login_required
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The newest 200 of each team one belongs to."""
    assert isinstance(request.user, User)
    organizations = [held.organization for held in directory.memberships_of(request.user)]
    return render(request, "inbox.html", {"teams": [_team(one) for one in organizations]})


@in_development
@csrf_exempt
@require_POST
def receive(request: HttpRequest, token: str) -> HttpResponse:
    """Keep what somebody posts to an inbox. A wrong token is 404."""
    organization = inbox.holder(token)
    if organization is None:
        raise Http404
    inbox.keep(organization, "POST", dict(request.headers), request.body)
    return HttpResponse("Kept.\n", content_type="text/plain")


def _team(organization: Organization) -> Team:
    items = [_shown(item) for item in inbox.latest(organization)]
    return Team(organization, inbox.address(organization.pk), items)


def _shown(item: InboxItem) -> Shown:
    text = bytes(item.body).decode("utf-8", "replace")
    with contextlib.suppress(ValueError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return Shown(item, dict(sorted(item.headers.items())), text)
