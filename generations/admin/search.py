"""Which generations somebody means: an id in any door's form, the id of the request, a key, a team, the
address it was asked from, the hash of a picture."""

from __future__ import annotations

import re
from ipaddress import ip_address
from uuid import UUID

from django.db.models import Q

from generations import handles
from generations.models import ApiRequest, Generation, Output
from runtime.ids import first_id

MOST = 50
MOST_CALLS = 500
_HASH = re.compile(r"^[0-9a-f]{64}$")


def generations(term: str) -> list[UUID]:
    """The ids of the generations that this id of any door, or of a request, names."""
    named = handles.parse(term)
    if named and named.id:
        return [named.id]
    if named:
        return _by_ticket(named)
    return _by_request(term)


def _by_ticket(named: handles.Handle) -> list[UUID]:
    """The EvoLink form tells the second: a short range of the primary key."""
    within = Q(id__gte=first_id(named.second), id__lt=first_id(named.second + 1))
    rows = Generation.objects.across().filter(within, ticket=named.ticket)
    return list(rows.values_list("id", flat=True)[:MOST])


def _by_request(term: str) -> list[UUID]:
    rows = ApiRequest.objects.across().filter(request_id=term, generation_id__isnull=False)
    return [found for found in rows.values_list("generation_id", flat=True)[:MOST] if found]


def by_id(term: str) -> Q | None:
    """Generations."""
    found = generations(term)
    return Q(id__in=found) if found else None


def of_generation(term: str) -> Q | None:
    """Rows that belong to a generation."""
    found = generations(term)
    return Q(generation_id__in=found) if found else None


def of_generation_within(term: str) -> Q | None:
    """The same for tables whose index by generation begins with the organization."""
    rows = Generation.objects.across().filter(pk__in=generations(term))
    found = Q()
    for organization, identifier in rows.values_list("organization_id", "id"):
        found |= Q(organization_id=organization, generation_id=identifier)
    return found or None


def by_request(term: str) -> Q | None:
    """Calls, by their own id."""
    return Q(request_id=term) if len(term) > 5 else None


def by_address(term: str) -> Q | None:
    """Calls from a network address."""
    return Q(ip=term) if is_address(term) else None


def asked_from(term: str) -> Q | None:
    """Generations that were ordered from a network address: those of its newest calls."""
    if not is_address(term):
        return None
    calls = ApiRequest.objects.across().filter(ip=term, generation_id__isnull=False)
    return Q(id__in=list(calls.order_by("-id").values_list("generation_id", flat=True)[:MOST_CALLS]))


def by_hash(term: str) -> Q | None:
    """Pictures with these bytes."""
    return Q(sha256=term.lower()) if _HASH.match(term.lower()) else None


def pictured(term: str) -> list[Output]:
    """The pictures with this SHA-256."""
    if not _HASH.match(term.lower()):
        return []
    rows = Output.objects.across().filter(sha256=term.lower()).select_related("organization")
    return list(rows.order_by("-generation_id")[:MOST])


def is_address(term: str) -> bool:
    try:
        ip_address(term)
    except ValueError:
        return False
    return True
