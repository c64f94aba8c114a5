"""What is done to the pictures of one task: kept for good or let go, given new links."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.access import Permission
from accounts.shell import TeamRequest, team_page
from generations.actions import keeping
from generations.views import lists
from generations.views.tasks import require_item

GONE = "Its images are no longer kept: there is nothing to keep."


@team_page(Permission.GENERATION_CANCEL)
@require_POST
def pin(request: TeamRequest, generation: UUID) -> HttpResponse:
    """Keep them until somebody deletes them; with `until=usual` no longer than others."""
    row = require_item(request, generation).row
    usual = request.POST.get("until") == "usual"
    change = keeping.unpin if usual else keeping.pin
    if change(generation=row, by=request.actor):
        kept = "as long as others, and a day at least" if usual else "until you delete them"
        messages.success(request, f"Its images are kept {kept}.")
    else:
        messages.info(request, GONE)
    return redirect(lists.address(request, "task", generation=row.pk))


@team_page(Permission.GENERATION_CANCEL)
@require_POST
def renew_links(request: TeamRequest, generation: UUID) -> HttpResponse:
    """Make every link given so far worthless."""
    row = require_item(request, generation).row
    if keeping.revoke_links(generation=row, by=request.actor):
        messages.success(request, "Links made so far answer 410 from now on. The images have new ones.")
    else:
        messages.info(request, GONE)
    return redirect(lists.address(request, "task", generation=row.pk))
