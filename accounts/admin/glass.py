"""Prompts and pictures are sealed from operators. The superuser sees them; support and operations break the
glass of one organization, with a reason that its people read, for half an hour (A35)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.html import format_html

from accounts.access import Permission
from accounts.actions import operators
from accounts.admin.columns import Column
from accounts.admin.who import actor, may
from accounts.models import Organization
from runtime.clock import utc_now

MINUTES = 30
KEPT = "glass"
SEALED = format_html('<span class="muted sealed">{}</span>', "Sealed")


@dataclass(frozen=True, slots=True)
class Broken:
    """An organization whose glass is broken, and until when."""

    organization: UUID
    name: str
    until: datetime

    @property
    def minutes(self) -> int:
        """That are left, rounded up."""
        return max(-int((utc_now() - self.until).total_seconds() // 60), 0)


def broken(request: HttpRequest) -> dict[UUID, Broken]:
    """What this operator may look at now, by organization. A role that may no longer sees nothing."""
    if not may(request, Permission.GLASS_BREAK):
        return {}
    kept = request.session.get(KEPT, {})
    found = (Broken(UUID(key), name, datetime.fromisoformat(until)) for key, (name, until) in kept.items())
    now = utc_now()
    return {one.organization: one for one in found if one.until > now}


def sees(request: HttpRequest, organization: UUID | None) -> bool:
    """Whether prompts and pictures of this organization may be shown."""
    return may(request, Permission.IMAGE_READ) or organization in broken(request)


def sees_any(request: HttpRequest) -> bool:
    """Whether there is an organization of which they may."""
    return may(request, Permission.IMAGE_READ) or bool(broken(request))


def break_glass(request: HttpRequest, organization: Organization, reason: str) -> None:
    """Note it, then look. Raises InvalidValue."""
    operators.break_glass(organization=organization, reason=reason, minutes=MINUTES, by=actor(request))
    until = datetime.now(UTC) + timedelta(minutes=MINUTES)
    known = {str(key): (one.name, one.until.isoformat()) for key, one in broken(request).items()}
    request.session[KEPT] = known | {str(organization.pk): (organization.name, until.isoformat())}


def mend(request: HttpRequest) -> None:
    """Seal everything again."""
    request.session.pop(KEPT, None)


def mark(request: HttpRequest, rows: Any) -> None:
    """Say of each row whether its prompts and pictures are sealed from who asks."""
    for row in rows:
        row.sealed = not sees(request, row.organization_id)


def sealed(shown: Column) -> Column:
    """The column, for rows that are not sealed. A row of which nothing was said is."""

    def show(row: Any) -> Any:
        return SEALED if getattr(row, "sealed", True) else shown(row)

    show.__name__ = shown.__name__
    show.short_description = shown.short_description  # type: ignore[attr-defined]  # Django's way
    return show
