"""What a key is doing: who calls with it, and what it ordered that is not done yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Max, Q

from accounts.models import Organization
from generations.models import ApiRequest, Generation
from runtime.tenancy import tenant

LIVE = ("queued", "running")


@dataclass(frozen=True, slots=True)
class Caller:
    """A program that used the key: from which address, how often, and when last."""

    ip: str | None
    agent: str
    requests: int
    refused: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Generations that are not final yet."""

    queued: int
    running: int

    @property
    def total(self) -> int:
        return self.queued + self.running


def callers(
    organization: Organization | UUID, key: UUID, since: datetime, *, size: int
) -> tuple[Caller, ...]:
    """Up to `size` callers of a key from a moment on, the last one first."""
    with tenant(organization):
        rows = ApiRequest.objects.of(organization).filter(at__gte=since, key_id=key)
        grouped = rows.order_by().values("ip", "agent")
        counted = grouped.annotate(
            requests=Count("pk"), refused=Count("pk", filter=Q(status__gte=400)), last_at=Max("at")
        )
        return tuple(Caller(**row) for row in counted.order_by("-last_at")[:size])


def requests(organization: Organization | UUID, key: UUID, since: datetime) -> int:
    """How many calls a key made from a moment on."""
    with tenant(organization):
        return ApiRequest.objects.of(organization).filter(at__gte=since, key_id=key).count()


def under_way(organization: Organization | UUID, key: UUID) -> UnderWay:
    """What a key ordered that is queued or running."""
    with tenant(organization):
        rows = Generation.objects.of(organization).filter(key_id=key, state__in=LIVE)
        counts = rows.aggregate(**{state: Count("pk", filter=Q(state=state)) for state in LIVE})
        return UnderWay(**counts)


def first_call(organization: Organization | UUID, key: UUID, since: datetime) -> ApiRequest | None:
    """The first call of a new key, made at `since`."""
    with tenant(organization):
        rows = ApiRequest.objects.of(organization).filter(at__gte=since, key_id=key)
        return rows.order_by("at", "id").first()
