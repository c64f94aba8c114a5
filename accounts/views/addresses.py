"""What pages read from their own addresses."""

from __future__ import annotations

from django.http import Http404, HttpRequest

from runtime.slices import Place


def place_of(request: HttpRequest) -> Place:
    """Where a list's page begins. Raises Http404 for an address that none of our pages wrote."""
    try:
        return Place.read(request.GET)
    except (ValueError, OverflowError):
        raise Http404 from None
