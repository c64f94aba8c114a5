"""What django-q2 calls. Five lines each: the work is elsewhere, and safe to be called twice."""

from __future__ import annotations

from django.conf import settings
from django.utils.module_loading import import_string

from generations import drain as drains
from generations.providers import PROVIDERS


def preload() -> None:
    """Import what workers will need before they are forked: each starts at once, and shares it."""
    for provider, key in (("gemini", settings.EASEL.gemini_api_key), ("sandbox", "always")):
        if key:
            import_string(PROVIDERS[provider])


def drain() -> str:
    """Run due generations until none is due or the slice is over. Says how many it ran."""
    return drains.run_slice()


def canary() -> None:
    """Say that this cluster's queue moves."""
    drains.beat_as_canary()
