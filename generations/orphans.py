"""Objects in storage that nothing names: what a crash between put and commit, a lost race or a
cancelled generation left behind. And what was kept long enough: of customers' pictures the row is
marked first and its object deleted after it; of images the row is marked when its object is gone.

Storage keys carry their day, so only the days between one and three ago are listed: young objects
may belong to work in flight (a generation lives 15 minutes once it runs), old ones were looked at
before. Running twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import islice

import structlog
from django.db.models.functions import Now

from generations.models import Input, Output
from runtime import clock, storage
from runtime.tenancy import work

log = structlog.get_logger(__name__)

YOUNG, OLD = timedelta(hours=24), timedelta(days=3)
BATCH, SMALL = 500, 50


def collect() -> int:
    """Delete the orphans of the last days. Returns how many there were."""
    store, now = storage.default(), clock.utc_now()
    found = 0
    for days in range(1, OLD.days + 1):
        day = (now - timedelta(days=days)).strftime("%Y%m%d")
        for mode in ("live", "test"):
            listed = (item.key for item in store.list(f"{mode}/{day}/") if item.modified < now - YOUNG)
            found += sum(_delete_orphans(store, batch) for batch in _batches(listed))
    return found


def _batches(keys: Iterable[str]) -> Iterable[list[str]]:
    iterator = iter(keys)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _delete_orphans(store: storage.Storage, keys: list[str]) -> int:
    """Delete those keys that no output and no kept input names."""
    with work():
        outputs = Output.objects.across().filter(storage_key__in=keys)
        inputs = Input.objects.across().filter(storage_key__in=keys, deleted_at=None)
        named = {key for rows in (outputs, inputs) for key in rows.values_list("storage_key", flat=True)}
    orphans = [key for key in keys if key not in named]
    for key in orphans:
        store.delete(key)
    if orphans:
        log.info("orphans.deleted", count=len(orphans))
    return len(orphans)


def expire_inputs() -> int:
    """Delete customers' pictures that were kept long enough, and what is left of deleted ones. Returns
    how many objects there were."""
    with work():
        Input.objects.across().filter(deleted_at=None, expires_at__lte=Now()).update(deleted_at=Now())
        buried = Input.objects.across().filter(deleted_at__isnull=False).exclude(storage_key="")
        keys = dict(buried.values_list("id", "storage_key")[:BATCH])
    for key in keys.values():
        storage.default().delete(key)
    with work():
        Input.objects.across().filter(id__in=keys).update(storage_key="")
    return len(keys)


def expire_outputs() -> int:
    """Delete images whose time is over: their links answer 410, their rows and what they cost stay. Returns
    how many there were. One whose object cannot be deleted now waits for the next turn."""
    count = 0
    while done := _expire_outputs():
        count += done
    return count


def _expire_outputs() -> int:
    store, gone = storage.default(), []
    with work():
        due = Output.objects.across().filter(deleted_at=None, expires_at__lte=Now()).order_by("expires_at")
        for identifier, key in due.select_for_update(skip_locked=True).values_list("id", "storage_key")[
            :SMALL
        ]:
            try:
                store.delete(key)
            except storage.StorageError:
                log.warning("outputs.not_deleted", key=key, exc_info=True)
            else:
                gone.append(identifier)
        Output.objects.across().filter(id__in=gone).update(deleted_at=Now())
    return len(gone)
