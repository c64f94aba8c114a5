"""How the channels are, for the first page: a few rows, each with the page behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q
from django.urls import reverse

from generations.models import Channel
from runtime.tenancy import operator


@dataclass(frozen=True, slots=True)
class ChannelNow:
    """A channel in a word: `serving`, `off`, `misconfigured`, or how many of its breakers are open."""

    name: str
    provider: str
    tone: str
    state: str
    last_error: str
    last_error_at: datetime | None
    link: str


def channels_now() -> list[ChannelNow]:
    """Those that could serve, the first choice first; none where the sandbox draws everything."""
    resting = Count("serves", filter=Q(serves__opened_at__isnull=False))
    with operator():
        rows = Channel.objects.defer("credential").annotate(resting=resting, serving=Count("serves"))
        found = list(rows.exclude(from_environment=True, enabled=False).order_by("-priority", "name"))
    return [_now(row) for row in found]


def _now(row: Channel) -> ChannelNow:
    tone, state = _state(row)
    link = reverse("admin:generations_channel_change", args=[row.pk])
    return ChannelNow(row.name, row.provider, tone, state, row.last_error, row.last_error_at, link)


def _state(row: Channel) -> tuple[str, str]:
    if not row.enabled:
        return "calm", "off"
    if row.health != Channel.Health.HEALTHY:
        return "bad", row.health
    if row.resting:  # type: ignore[attr-defined]  # annotated
        return "bad", f"breaker open for {row.resting} of {row.serving}"  # type: ignore[attr-defined]
    return ("good", "serving") if row.serving else ("warn", "serves no model")  # type: ignore[attr-defined]
