"""I19: every stored image lies in storage as it was delivered, and nothing else lies there for long.

Rows are read a batch at a time and no transaction is open while the store is asked. An image that is
deleted meanwhile is not missing: its row is looked at again.
"""

# ruff: noqa: S608  what is put into these queries are this package's own words

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from config.proof.invariant import OF, Broken
from config.proof.run import Finding
from runtime import storage
from runtime.clock import utc_now
from runtime.tenancy import audit

SENTENCE = "Every stored image is there whole, and no object older than a day is without its row."
BATCH = 500
READERS = 8
AGE = timedelta(hours=24)
FIRST = UUID(int=0)


class _Image(NamedTuple):
    id: UUID
    generation: UUID
    number: int
    key: str
    bytes: int
    sha256: str


def check(organization: UUID | None = None) -> Finding:
    """Read every image that is kept, and list the store for what nobody refers to.

    Raises StorageError when the store does not answer.
    """
    began = time.monotonic()
    broken = [*_spoiled(organization), *_orphans(organization)]
    return Finding("I19", SENTENCE, tuple(broken), time.monotonic() - began)


_IMAGES = f"""
    SELECT id, generation_id, number, storage_key, bytes, sha256 FROM generations_output
    WHERE deleted_at IS NULL AND {OF} AND id > %(after)s ORDER BY id LIMIT {BATCH}
"""


def _spoiled(organization: UUID | None) -> Iterator[Broken]:
    store, after = storage.default(), FIRST
    with ThreadPoolExecutor(READERS, thread_name_prefix="proof") as readers:
        while batch := _batch(organization, after):
            after = batch[-1].id
            faults = zip(batch, readers.map(lambda image: _fault(store, image), batch), strict=True)
            wrong = {image: fault for image, fault in faults if fault}
            kept = _still_kept([image.id for image in wrong])
            for image, fault in wrong.items():
                if image.id in kept:
                    yield Broken(
                        f"output {image.id}", f"image {image.number} of generation {image.generation} {fault}"
                    )


def _batch(organization: UUID | None, after: UUID) -> list[_Image]:
    with audit(), connection.cursor() as cursor:
        cursor.execute(_IMAGES, {"organization": organization, "after": after})
        return [_Image(*row) for row in cursor.fetchall()]


def _fault(store: storage.Storage, image: _Image) -> str:
    """What is wrong with the object of an image; empty if it is what was delivered."""
    try:
        data = store.read(image.key)
    except storage.Missing:
        return f"is missing in storage: {image.key}"
    if len(data) != image.bytes:
        return f"has {len(data)} bytes in storage instead of {image.bytes}: {image.key}"
    if sha256(data).hexdigest() != image.sha256:
        return f"is another picture in storage: {image.key}"
    return ""


def _still_kept(outputs: list[UUID]) -> set[UUID]:
    if not outputs:
        return set()
    with audit(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM generations_output WHERE id = ANY (%s::uuid[]) AND deleted_at IS NULL", (outputs,)
        )
        return {row[0] for row in cursor.fetchall()}


def _orphans(organization: UUID | None) -> Iterator[Broken]:
    """Outputs lie under `<mode>/<day>/<organization>/<generation>/`."""
    old, store = utc_now() - AGE, storage.default()
    keys: list[str] = []
    for mode in ("live", "test"):
        for found in store.list(f"{mode}/"):
            if found.modified < old and (organization is None or f"/{organization}/" in found.key):
                keys.append(found.key)
            if len(keys) == BATCH:
                yield from _unreferenced(keys)
                keys = []
    yield from _unreferenced(keys)


def _unreferenced(keys: list[str]) -> Iterator[Broken]:
    with audit(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT key FROM unnest(%s::text[]) AS asked (key) WHERE NOT EXISTS"
            " (SELECT 1 FROM generations_output WHERE storage_key = key AND deleted_at IS NULL)",
            (keys,),
        )
        for (key,) in cursor.fetchall():
            yield Broken(f"object {key}", "is older than a day, and no image refers to it")
