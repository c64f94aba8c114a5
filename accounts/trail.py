"""The audit trail of an organization, as its people read it: newest first, filtered, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.db.models import Q, QuerySet

from accounts.models import AuditEvent, Organization
from runtime.tenancy import tenant

MOST_ACTORS: Final = 200
"""Whom the filter offers: those of the newest events."""
_RECENT: Final = 5_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events: of an actor (type and id, `member:<id>`), an action (`key.create`) or a family of them
    (`key`), about an object, on the days from `since` to `until` in UTC. Empty: any."""

    actor: str = ""
    action: str = ""
    about: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Trail:
    """A page of events, and the ids to go on from (None: there are no newer or older ones)."""

    rows: list[AuditEvent]
    newer: int | None = None
    older: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One field of an event: what it was before and is after, None where it was not told."""

    field: str
    before: Any
    after: Any


def page(
    organization: Organization,
    wanted: Wanted,
    *,
    before: int | None = None,
    after: int | None = None,
    size: int,
) -> Trail:
    """Up to `size` events, the newest first: those before an id, or the nearest ones after another."""
    with tenant(organization):
        rows = _matching(organization, wanted)
        if after is not None:
            return _newer(rows, after, size)
        below = rows.filter(pk__lt=before) if before is not None else rows
        found = list(below.order_by("-pk")[: size + 1])
    kept = found[:size]
    newer = kept[0].pk if before is not None and kept else None
    return Trail(kept, newer, kept[-1].pk if len(found) > size else None)


def _newer(rows: QuerySet[AuditEvent], after: int, size: int) -> Trail:
    found = list(rows.filter(pk__gt=after).order_by("pk")[: size + 1])
    kept = found[:size][::-1]
    return Trail(kept, kept[0].pk if len(found) > size else None, kept[-1].pk if kept else after)


def event(organization: Organization, identifier: int) -> AuditEvent | None:
    """One event of this organization."""
    with tenant(organization):
        return AuditEvent.objects.of(organization).filter(pk=identifier).first()


def vocabulary(organization: Organization) -> tuple[dict[str, str], list[str]]:
    """Who (`member:<id>` and label) and what (actions) occurs among the newest events: what the filters
    offer."""
    with tenant(organization):
        recent = AuditEvent.objects.of(organization).order_by("-pk")
        rows = recent.values_list("actor_type", "actor_id", "actor_label", "action")[:_RECENT]
        found = list(rows)
    actors: dict[str, str] = {}
    for type_, identifier, label, _ in found:
        if len(actors) < MOST_ACTORS:
            actors.setdefault(f"{type_}:{identifier}", label or type_)
    return dict(sorted(actors.items(), key=lambda item: item[1])), sorted({row[3] for row in found})


def changes(seen: AuditEvent) -> list[Change]:
    """Its fields side by side, in the order they were noted."""
    was: Mapping[str, Any] = seen.before or {}
    became: Mapping[str, Any] = seen.after or {}
    return [Change(field, was.get(field), became.get(field)) for field in dict.fromkeys([*was, *became])]


def _matching(organization: Organization, wanted: Wanted) -> QuerySet[AuditEvent]:
    rows = AuditEvent.objects.of(organization)
    if wanted.actor:
        type_, _, identifier = wanted.actor.partition(":")
        rows = rows.filter(actor_type=type_, actor_id=identifier)
    if wanted.action:
        rows = rows.filter(Q(action=wanted.action) | Q(action__startswith=f"{wanted.action}."))
    if wanted.about:
        rows = rows.filter(Q(object_label__icontains=wanted.about) | Q(object_id=wanted.about))
    if wanted.since:
        rows = rows.filter(at__gte=_midnight(wanted.since))
    if wanted.until:
        rows = rows.filter(at__lt=_midnight(wanted.until + timedelta(days=1)))
    return rows


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
