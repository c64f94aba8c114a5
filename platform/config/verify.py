"""A team verifies its own books: the proof of the ledger, over its rows, on a button (X6).

The proof reads the tables and knows their meaning, never the code that wrote them. It stands here because
it looks over every app.
"""

from __future__ import annotations

from threading import Lock
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.access import Permission
from accounts.shell import TeamRequest, team_page
from config import proof
from config.proof import Finding, Proof

SHOWN = 20
"""Wrong rows of one sentence that are named."""
SEALS = "I17"
_one_at_a_time = Lock()


@team_page(Permission.EXPORT_BILLING)
@require_http_methods(["GET", "POST"])
def page(request: TeamRequest) -> HttpResponse:
    """What the last proof of this session found; posted, a new one."""
    kept = f"proof:{request.team.organization.slug}"
    if request.method == "POST":
        if not _one_at_a_time.acquire(blocking=False):
            messages.info(request, "Another team's books are being verified. Try again in a minute.")
        else:
            try:
                request.session[kept] = _prove(request)
            finally:
                _one_at_a_time.release()
        return redirect("verify", team=request.team.organization.slug)
    return render(request, "billing/verify.html", {"proof": request.session.get(kept)})


def _prove(request: TeamRequest) -> dict[str, Any]:
    """The team's rows, and the seals over everybody's: of those only whether they hold."""
    own, seals = proof.prove(request.team.organization.pk), proof.prove(only=(SEALS,))
    return {
        "at": f"{own.at:%Y-%m-%d %H:%M:%S}",
        "seconds": own.seconds + seals.seconds,
        "counts": [(own.counts[name], name) for name in ("generations", "entries")],
        "broken": own.broken + bool(seals.broken),
        "findings": [*map(_told, own.findings), *_sealed(seals)],
    }


def _told(finding: Finding) -> dict[str, Any]:
    rows = [f"{broken.row}: {broken.what}" for broken in finding.broken[:SHOWN]]
    return {
        "id": finding.id,
        "sentence": finding.sentence,
        "broken": len(finding.broken),
        "rows": rows,
        "more": len(finding.broken) - len(rows),
    }


def _sealed(seals: Proof) -> list[dict[str, Any]]:
    return [{**_told(finding), "rows": [], "more": 0} for finding in seals.findings]
