"""The pictures of what a page shows, and the way in where they are sealed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.http import HttpRequest

from accounts.access import Permission
from accounts.admin.base import ReadOnlyAdmin
from accounts.admin.who import may
from generations.admin.deeds import Unseal
from generations.models import Output


def first_of(generations: Iterable[tuple[UUID, UUID]]) -> dict[UUID, Output]:
    """The first picture of each (organization, generation), by generation: one query, by the index of
    outputs."""
    wanted = list(generations)
    outputs = Output.objects.across().filter(
        organization_id__in={team for team, _ in wanted}, generation_id__in=[one for _, one in wanted]
    )
    return {output.generation_id: output for output in outputs.order_by("-number").defer("signature")}


def unsealing(page: ReadOnlyAdmin, request: HttpRequest, row: Any) -> dict[str, str]:
    """What stands where the pictures would: what it is about, and for whom it opens the way in."""
    if not may(request, Permission.GLASS_BREAK):
        return {"link": ""}
    (deed,) = (deed for deed in page.deeds if isinstance(deed, Unseal))
    return {"link": f"{page.deed_address(deed)}?of={row.pk}&back={request.path}"}
