"""What was given back already, of which charges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from billing.models import Entry


def refunded(charges: Iterable[tuple[UUID, UUID]]) -> dict[UUID, int]:
    """Tokens that were given back of each of these (organization, generation), by generation. Refunds have
    no index by their generation, but they are few. Inside the operator's scope."""
    of_team: defaultdict[UUID, list[UUID]] = defaultdict(list)
    for organization, generation in charges:
        of_team[organization].append(generation)
    wanted = [one for many in of_team.values() for one in many]
    rows = Entry.objects.across().filter(kind=Entry.Kind.REFUND, organization_id__in=list(of_team))
    back: defaultdict[UUID, int] = defaultdict(int)
    for generation_id, given in rows.filter(generation_id__in=wanted).values_list("generation_id", "tokens"):
        if generation_id:
            back[generation_id] += given or 0
    return back
