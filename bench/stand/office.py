"""The pages of the operators: every list of the admin bare, by choices of each of its filters, by each kind
of search and far back; the page of a row; the files; the box that finds anything."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.urls import reverse

from bench.stand.walk import NOTHING, Page
from generations import handles

HISTORIES = ("generations.Generation", "generations.ApiRequest", "generations.Attempt", "generations.Output",
             "generations.Transition", "billing.Entry", "billing.Usage")  # fmt: skip
"""Lists that grow with the work: four choices of each of their filters, and every search. Of the others one
choice and two searches."""
BEYOND_COUNTING = ("billing.Usage",)
"""Lists whose lines are no rows: they have no page of one."""
ALIKE = {"generations.Generation": "state=succeeded"}
"""Whose page shows more where more came of it: at both sizes one of the same."""
_CHOICE = re.compile(r'href="\?([a-z_]+)=([^"&]+)"')
_ROW = re.compile(r'<th [^>]*><a href="([^"?]+)')

MORE: dict[str, tuple[str, ...]] = {
    "generations.Generation": (
        "from={week}&to={day}", "ended_from={week}&ended_to={day}", "prompt=heron", f"prompt={NOTHING}",
        f"prompt={NOTHING}&id__lt={{generation}}", "dialect=gmi&model=gemini-3-pro-image&mode=live",
        "state=succeeded&channel=sandbox", "id__lt={generation}", "organization__id__exact={organization}",
        "organization__id__exact={organization}&dialect=gmi",
    ),
    "generations.ApiRequest": (
        "from={week}&to={day}", "ip={ip}", "ip=198.51.100.7", "status=503&door=gmi", "id__lt={call}",
        "organization_id={organization}",
    ),
    "generations.Attempt": ("from={week}&to={day}", "organization__id__exact={organization}"),
    "generations.Output": ("from={week}&to={day}", "organization__id__exact={organization}"),
    "billing.Entry": ("organization__id__exact={organization}", "id__lt={entry}", "kind=refund&mode=test"),
    "billing.Usage": ("organization__id__exact={organization}",),
}  # fmt: skip
PERIODS = ("", "?period=7d", "?period=30d", "?period=90d", "?from={week}&to={day}", "?mode=test")


def pages(fetch: Callable[[str], str], known: dict[str, Any]) -> Iterator[Page]:
    """All of them; `fetch` gives the text of a page, from which choices and rows are read."""
    texts = {name: str(value) for name, value in known.items()}
    for period in PERIODS:
        yield Page("admin", f"dashboard {period}", reverse("admin:index") + period.format(**texts))
    for page in admin.site._registry.values():
        yield from _list(page, fetch, texts)
    for what, term in _terms(texts):
        yield Page("admin", f"find, {what}", reverse("operators_find"), {"find": term})


def _list(page: Any, fetch: Callable[[str], str], texts: dict[str, str]) -> Iterator[Page]:
    meta = page.model._meta
    label, address = meta.label, page.address()
    text = fetch(address)
    yield Page("admin", label, address)
    yield Page("admin", f"{label} ?p=90", f"{address}?p=90")
    for query in [*_choices(text, 2 if label in HISTORIES else 1), *MORE.get(label, ())]:
        yield Page("admin", f"{label} ?{query}", f"{address}?{query.format(**texts)}")
    if page.finders:
        terms = _terms(texts)
        for what, term in terms if label in HISTORIES else terms[-2:]:
            yield Page("admin", f"{label}, search by {what}", f"{address}?q={term}")
    alike = fetch(f"{address}?{ALIKE[label]}") if label in ALIKE else text
    if (row := _ROW.search(alike)) and label not in BEYOND_COUNTING:
        yield Page("admin", f"{label}, one", unescape(row[1]))
    if page.export:
        yield Page("admin", f"{label}, file", f"{address}csv/")


def _choices(text: str, ends: int) -> list[str]:
    """The links of each filter of the list: so many of its first, as many of its last but one."""
    of: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in _CHOICE.findall(text):
        if value not in of[name] and name not in ("p", "q", "o"):
            of[name].append(value)
    return [
        f"{name}={value}"
        for name, values in of.items()
        for value in values[:ends] + values[ends:][-ends:][: ends if ends > 1 else 0]
    ]


def _terms(texts: dict[str, str]) -> list[tuple[str, str]]:
    generation = UUID(texts["generation"])
    return [
        ("id", texts["generation"]),
        ("evolink id", handles.evolink(generation, texts["ticket"])),
        ("request id", texts["request_id"]),
        ("key", texts["prefix"]),
        ("address", texts["ip"]),
        ("slug", texts["slug"]),
        ("hash", texts["sha256"]),
        ("e-mail", f"owner@{texts['slug']}.localhost"),
        ("nothing", NOTHING),
    ]
