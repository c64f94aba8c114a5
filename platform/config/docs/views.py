"""The pages under /docs/."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render as page
from django.urls import reverse
from django.views.decorators.http import require_safe

from config.docs.catalogue import known_errors
from config.docs.render import render
from config.docs.shelf import PAGES, SHELF, VENDORS, Page, difference
from generations.dialects import DIALECTS


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(reverse("doc", kwargs={"slug": "start"}))


@require_safe
def doc(request: HttpRequest, slug: str) -> HttpResponse:
    """One page of the shelf."""
    found = PAGES.get(slug)
    if found is None:
        raise Http404
    if slug == "errors":
        return page(request, "docs/errors.html", _frame(slug) | {"errors": known_errors(), "doors": DIALECTS})
    title, html = read(found)
    return page(request, "docs/page.html", _frame(slug) | {"title": title, "html": html})


@require_safe
def migrate(request: HttpRequest, vendor: str) -> HttpResponse:
    """The two lines that change for somebody who comes from a vendor."""
    found = VENDORS.get(vendor)
    if found is None:
        raise Http404
    context = {"vendor": found, "lines": difference(found, settings.EASEL.url), "door": PAGES[found.door]}
    return page(request, "docs/migrate.html", _frame(f"migrate/{vendor}") | context)


@require_safe
def llms(request: HttpRequest) -> HttpResponse:
    """`/llms.txt`: what there is to read, for programs that read."""
    url = settings.EASEL.url
    lines = [
        "# Easel",
        "",
        "> Image generation behind five existing APIs. Change the base URL of the client you have; pay 1290 "
        "tokens ($0.0387) per delivered image of gemini-2.5-flash-image.",
    ]
    for title, pages in SHELF:
        lines += ["", f"## {title or 'Start'}", ""]
        lines += [f"- [{one.title}]({url}/docs/{one.slug}.md)" for one in pages if one.file]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


@require_safe
def source(request: HttpRequest, slug: str) -> HttpResponse:
    """The page as Markdown."""
    found = PAGES.get(slug)
    if found is None or not found.file or not found.path.exists():
        raise Http404
    return HttpResponse(found.path.read_text(), content_type="text/markdown; charset=utf-8")


def read(found: Page) -> tuple[str, str]:
    """Title and HTML of a page. Raises Http404 where its file is missing."""
    try:
        changed = found.path.stat().st_mtime
    except FileNotFoundError:
        raise Http404 from None
    return render(found.path, changed, settings.EASEL.url)


def _frame(here: str) -> dict[str, Any]:
    return {"shelf": SHELF, "vendors": VENDORS.values(), "here": here}
