"""What an organization does to its own generations by hand: cancel one, delete its pictures, keep them for
good, end its links. Each is audited; the ledger is never touched by what happens to a picture."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F

from accounts import auditing
from accounts.actions.organizations import FOREVER_HOURS
from accounts.auditing import Actor
from accounts.models import Organization
from generations.actions import finish
from generations.errors import Problem
from generations.models import Generation, Output
from generations.spec import Kind, State
from runtime import storage
from runtime.clock import database_now
from runtime.tenancy import tenant


def cancel(*, generation: Generation, by: Actor, reason: str = "") -> bool:
    """Cancel it, and release its hold. False if it was cancelled before. Raises
    Problem(NOT_CANCELLABLE) when it ended otherwise."""
    with tenant(generation.organization_id):
        if finish.cancel(generation.organization_id, generation.pk):
            _record(generation, "generation.cancel", by, reason=reason)
            return True
        row = Generation.objects.of(generation.organization_id).get(pk=generation.pk)
    if row.state != State.CANCELLED:
        raise Problem(
            Kind.NOT_CANCELLABLE,
            f"The generation is {row.state} already and cannot be cancelled.",
            generation=row.pk,
        )
    return False


def delete_outputs(*, generation: Generation, by: Actor, numbers: Collection[int] | None = None) -> int:
    """Delete its pictures now, or those of these `numbers`: the objects go, the links answer 410, what was
    charged stays charged. Returns how many there were. Raises StorageError, and nothing is noted then:
    say it again."""
    store = storage.default()
    with tenant(generation.organization_id):
        kept = Output.objects.of(generation.organization_id).filter(
            generation_id=generation.pk, deleted_at=None
        )
        if numbers is not None:
            kept = kept.filter(number__in=numbers)
        keys = list(kept.select_for_update().order_by("number").values_list("storage_key", flat=True))
        if keys:
            kept.update(deleted_at=database_now())
            _record(generation, "output.delete", by, after={"images": len(keys)})
            for key in keys:  # inside: what could not be deleted is not told to be gone
                store.delete(key)
    return len(keys)


def revoke_links(*, generation: Generation, by: Actor) -> int:
    """Make every link made so far worthless; the pictures stay, under new links. Returns how many."""
    with tenant(generation.organization_id):
        kept = Output.objects.of(generation.organization_id).filter(
            generation_id=generation.pk, deleted_at=None
        )
        count = kept.update(epoch=F("epoch") + 1)
        if count:
            _record(generation, "output.revoke_links", by, after={"images": count})
    return count


def pin(*, generation: Generation, by: Actor) -> int:
    """Keep its pictures until somebody deletes them. Twice is once. Returns how many there are."""
    return _keep(generation, database_now() + timedelta(hours=FOREVER_HOURS), "output.pin", by)


def unpin(*, generation: Generation, by: Actor) -> int:
    """Keep its pictures as long as the organization keeps any, and a day at least. Returns how many there
    are."""
    with tenant(generation.organization_id):
        organization = Organization.objects.of(generation.organization_id).get()
    hours = organization.image_retention_hours
    usual = timedelta(days=settings.EASEL.retention_days) if hours is None else timedelta(hours=hours)
    ended = generation.finished_at or database_now()
    return _keep(generation, max(ended + usual, database_now() + timedelta(days=1)), "output.unpin", by)


def pinned(generation: Generation) -> bool:
    """Whether its pictures stay until somebody deletes them."""
    until = generation.expires_at
    return until is not None and until - database_now() > timedelta(hours=FOREVER_HOURS // 2)


def _keep(generation: Generation, until: datetime, action: str, by: Actor) -> int:
    with tenant(generation.organization_id):
        rows = Generation.objects.of(generation.organization_id).filter(pk=generation.pk)
        kept = Output.objects.of(generation.organization_id).filter(
            generation_id=generation.pk, deleted_at=None
        )
        count = kept.update(expires_at=until)
        if count:
            rows.update(expires_at=until)
            _record(generation, action, by, after={"images": count, "expires_at": until})
    return count


def _record(generation: Generation, action: str, by: Actor, **what: Any) -> None:
    auditing.record(
        by=by,
        action=action,
        object_type="generation",
        object_id=generation.pk,
        object_label=generation.model,
        organization_id=generation.organization_id,
        **what,
    )
