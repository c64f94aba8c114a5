"""An organization's share of the queue, as operators set it (M12)."""

from __future__ import annotations

from accounts import auditing
from accounts.auditing import Actor
from accounts.errors import InvalidValue, NotFound
from generations.models import Lane
from runtime.tenancy import tenant

LARGEST_WEIGHT, LARGEST_CAP = 100.0, 100_000


def set_share(*, lane: Lane, weight: float, cap: int, reason: str, by: Actor) -> Lane:
    """Its weight against other organizations (1 is usual), and how many of its generations may run at
    once. Counts from the next claim on. Raises InvalidValue, NotFound."""
    if not 0 < weight <= LARGEST_WEIGHT:
        raise InvalidValue("weight", f"A weight is above 0, up to {LARGEST_WEIGHT:g}.")
    if not 1 <= cap <= LARGEST_CAP:
        raise InvalidValue("cap", f"From 1 to {LARGEST_CAP:,} may run at once.")
    with tenant(lane.organization_id):
        row = Lane.objects.of(lane.organization_id).select_for_update().filter(pk=lane.pk).first()
        if row is None:
            raise NotFound("There is no such lane.")
        before = {"weight": row.weight, "cap": row.cap}
        row.weight, row.cap = weight, cap
        row.save(update_fields=["weight", "cap"])
        _record(row, before, reason, by)
    return row


def _record(row: Lane, before: dict[str, float], reason: str, by: Actor) -> None:
    auditing.record(
        by=by,
        action="lane.set",
        object_type="lane",
        object_id=row.pk,
        object_label=row.mode,
        organization_id=row.organization_id,
        reason=reason,
        before=before,
        after={"weight": row.weight, "cap": row.cap},
    )
