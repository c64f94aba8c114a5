"""What an operator does at his desk: choose rows, say why, look at the preview, go on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape
from typing import Any

from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEvent, Organization
from billing import ledger
from generations.models import Generation
from generations.spec import State
from runtime import ids
from runtime.tenancy import operator, tenant
from tests.cast import Cast
from tests.work import started, succeeded

WHY = "the customer asked for it"


def place(label: str, deed: str) -> str:
    """The address of a deed of a model (`accounts.ApiKey`)."""
    return reverse(f"admin:{label.lower().replace('.', '_')}_do", args=[deed])


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the deed's form."""
    form = page[page.index('class="form"') :]
    tags = re.findall(r'<input type="hidden" name="([^"]+)"(?: value="([^"]*)")?', form)
    return {name: unescape(value) for name, value in tags if name != "csrfmiddlewaretoken"}


def asked(client: Client, label: str, deed: str, *rows: Any) -> str:
    """The page that asks."""
    answer = client.get(place(label, deed), {"of": " ".join(str(row) for row in rows)})
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def do(client: Client, label: str, deed: str, *rows: Any, reason: str = WHY, **fields: Any) -> HttpResponse:
    """All the way: what is asked, its preview where there is one, the deed."""
    data = {**hidden(asked(client, label, deed, *rows)), "reason": reason, **fields}
    answer = client.post(place(label, deed), data)
    if answer.status_code == 200 and "This will happen" in answer.content.decode():
        answer = client.post(place(label, deed), {**fields, **hidden(answer.content.decode())})
    return answer  # type: ignore[return-value]  # Django's test client gives its own kind


def said(answer: HttpResponse) -> list[str]:
    """What the next page will tell."""
    return [str(message) for message in get_messages(answer.wsgi_request)]  # type: ignore[attr-defined]


def events(organization: Organization | None, action: str) -> list[AuditEvent]:
    """The audit trail of a verb, the oldest first."""
    with operator():
        rows = AuditEvent.objects.across().filter(action=action)
        rows = rows.filter(organization_id=organization.pk) if organization else rows
        return list(rows.order_by("id"))


def delivered(team: Cast, images: int = 1) -> Generation:
    """A generation that was delivered and charged."""
    made = succeeded(team, keys=[f"live/{ids.word(12, ids.BASE36)}/{n}.png" for n in range(images)])
    return again(made.generation)


def running(team: Cast) -> Generation:
    return again(started(team).generation)


def again(generation: Generation) -> Generation:
    """The row as it is now."""
    with tenant(generation.organization_id):
        return Generation.objects.of(generation.organization_id).get(pk=generation.pk)


def available(organization: Organization) -> int:
    """Nano-dollars of the live wallet."""
    with tenant(organization):
        return ledger.balance(organization.pk, "live").available


def states(generations: Iterable[Generation]) -> set[str]:
    return {again(one).state for one in generations}


DONE = State.SUCCEEDED.value
