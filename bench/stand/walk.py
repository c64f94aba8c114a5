"""The pages of a team: every address of the URL table that answers a GET, the lists also with each filter,
each search, and far back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from django.urls import reverse
from psycopg.rows import dict_row

from accounts.directory import organization_by_slug
from runtime.slices import Position
from tests.law.addresses import addresses

LEFT_OUT = ("playground_events", "reference")
"""What answers for as long as something happens, and pictures that were sent along: the story has none."""
NOTHING = "zebra crossing"
"""A text that no prompt of the story has."""
_CURSOR = re.compile(r"before=([\w.=%-]+)")
DEEP = 0.8
"""How far back, of all rows."""


@dataclass(frozen=True)
class Page:
    """Something to ask for. `name` is the same for both sizes; `form` is posted."""

    area: str
    name: str
    path: str
    form: dict[str, str] = field(default_factory=dict)


def known_of(admin: psycopg.Connection[Any], slug: str) -> dict[str, Any]:
    """Things of an organization to ask for: a live key, a generation far back, a day there..."""
    organization = organization_by_slug(slug).pk
    each = ", ".join(_ONE.format(name=name, table=table) for name, table in _EACH.items())
    with admin.cursor(row_factory=dict_row) as cursor:
        sql = _KNOWN.replace("{one_of_each}", each).encode()
        found = cursor.execute(sql, {"organization": organization, "deep": DEEP}).fetchone()
    assert found is not None
    at: datetime = found["deep_at"].astimezone(UTC)
    return {
        **found,
        "organization": organization,
        "slug": slug,
        "month": f"{at:%Y-%m}",
        "number": 0,
        "day": f"{at:%Y-%m-%d}",
        "week": f"{at - timedelta(days=7):%Y-%m-%d}",
        "place": str(Position(at, found["generation"])),
        "call_place": str(Position(found["call_at"], found["call"])),
    }


_KNOWN = """
    WITH deep AS (
        SELECT id, created_at FROM generations_generation
        WHERE organization_id = %(organization)s AND mode = 'live' AND state = 'succeeded'
        ORDER BY id DESC
        OFFSET (SELECT count(*) * %(deep)s FROM generations_generation
                WHERE organization_id = %(organization)s AND mode = 'live' AND state = 'succeeded')::bigint
        LIMIT 1
    ), called AS (
        SELECT call.id, at, ip, call.request_id FROM generations_apirequest AS call, deep
        WHERE organization_id = %(organization)s AND mode = 'live' AND at <= deep.created_at
          AND generation_id IS NOT NULL
        ORDER BY at DESC LIMIT 1
    )
    SELECT deep.id AS generation, deep.created_at AS deep_at,
           called.id AS call, called.at AS call_at, host(called.ip) AS ip, called.request_id,
           (SELECT ticket FROM generations_generation WHERE id = deep.id) AS ticket,
           (SELECT sha256 FROM generations_output WHERE organization_id = %(organization)s
             AND generation_id = deep.id LIMIT 1) AS sha256,
           (SELECT max(id) FROM billing_entry WHERE organization_id = %(organization)s AND mode = 'live'
             AND created_at <= deep.created_at) AS entry,
           (SELECT 'easel_' || mode || '_' || public_id FROM accounts_apikey
             WHERE organization_id = %(organization)s AND name = 'Website') AS prefix,
           (SELECT id FROM accounts_apikey
             WHERE organization_id = %(organization)s AND name = 'Website') AS key,
           (SELECT user_id FROM accounts_membership WHERE organization_id = %(organization)s LIMIT 1) AS user,
           {one_of_each}
    FROM deep, called
"""
_ONE = "(SELECT id FROM {table} WHERE organization_id = %(organization)s LIMIT 1) AS {name}"
_EACH = {
    "invitation": "accounts_invitation",
    "endpoint": "accounts_webhookendpoint",
    "message": "accounts_outboxmessage",
    "budget": "billing_budget",
    "asked": "billing_creditrequest",
}

_WORK = ("model=gemini-3-pro-image", "dialect=gmi", "key={key}", "from={week}&to={day}", "q=heron",
         f"q={NOTHING}", f"q={NOTHING}&before={{place}}", "q=heron&model=gemini-3-pro-image&dialect=gmi",
         "before={place}", "dialect=gmi&before={place}")  # fmt: skip
_CALLS = ("hundred=4", "hundred=5", "status=429", "status=503", "door=gmi", "door=management", "key={key}",
          "ip={ip}", "ip=198.51.100.7", "from={week}&to={day}", "generation={generation}", "q={request_id}",
          "before={call_place}", "status=503&before={call_place}", "after={call_place}")  # fmt: skip
_USAGE = (
    *(f"by={name}" for name in ("key", "member", "model", "dialect", "outcome")),
    *(f"by=key&timezone={zone}" for zone in ("Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe")),
    "range=7&step=hour", "range=7&step=hour&by=model&timezone=Asia/Kathmandu", "range=90&by=dialect",
    "range=custom&from={week}&to={day}&by=outcome", "key={key}&by=model",
)  # fmt: skip
_ENTRIES = (
    "kind=grant", "kind=hold", "kind=settle", "kind=release", "kind=refund", "kind=adjust",
    "from={week}&to={day}", "to={day}&timezone=Asia/Kathmandu", "kind=release&to={day}",
    "kind=refund&to={day}", "generation={generation}", "before={entries_place}",
    "kind=grant&before={entries_place}",
)  # fmt: skip
VARIANTS: dict[str, tuple[str, ...]] = {
    "tasks": (*_WORK, "state=queued&state=running", "state=succeeded", "state=failed", "state=cancelled",
              "state=failed&q=heron", "after={place}", "q=heron&after={place}"),
    "images": (*_WORK, "state=failed", "state=succeeded"),
    "requests": _CALLS,
    "usage": _USAGE,
    "entries": _ENTRIES,
    "export_usage": ("by=key",),
    "export_entries": ("kind=settle&to={day}",),
    "statements": ("timezone=Asia/Kathmandu",),
    "statement": ("timezone=Asia/Kathmandu",),
    "keys": ("state=revoked", "state=all"),
    "audit": ("actor=seed_history", "action=key", "action=key.create", "since={week}", "about=Website"),
    "members": ("search=owner", "role=owner"),
}  # fmt: skip

IN_TEST_MODE = ("overview", "images", "tasks", "requests", "usage", "billing", "entries")


def pages(fetch: Callable[[str], str], known: dict[str, Any]) -> Iterator[Page]:
    """All of them, with the things of `known_of` in their addresses; `fetch` gives the text of a page, from
    which a signed cursor is read."""
    texts = {name: str(value) for name, value in known.items()}
    far_back = fetch(f"/o/{known['slug']}/billing/entries/?to={known['day']}")
    texts |= {"team": known["slug"], "entries_place": _CURSOR.findall(far_back)[0]}
    for address in addresses():
        if not address.of_team or address.name in LEFT_OUT:
            continue
        path = address.path(**texts)
        yield Page("team", address.name, path)
        for query in VARIANTS.get(address.name, ()):
            yield Page("team", f"{address.name} ?{query}", f"{path}?{query.format(**texts)}")
    for name in IN_TEST_MODE:  # the last ones: the browser stays in that mode
        path = reverse(name, kwargs={"team": known["slug"]})
        yield Page("team", f"{name} ?mode=test", f"{path}?mode=test")
