"""`/favicon.ico`: what browsers ask for by themselves where no page names an icon: for JSON, for a file."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseRedirect
from django.templatetags.static import static
from django.views.decorators.http import require_safe


@require_safe
def favicon(request: HttpRequest) -> HttpResponseRedirect:
    """To the icon that our pages name. Not for good: its name in production changes when it does."""
    return HttpResponseRedirect(static("img/mark.svg"))
