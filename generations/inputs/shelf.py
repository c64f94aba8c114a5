"""Where accepted pictures are kept: an object in storage and a row that names it.

One row, one object. A reference (a picture of an order) is kept once per organization and mode:
the same bytes again lengthen its time. An upload has an object of its own, so that deleting it
deletes what the customer gave us; an order that named it has its reference.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models.functions import Greatest, Now

from generations import links, spec
from generations.errors import Problem
from generations.inputs.decoder import Decoded
from generations.inputs.owner import Owner
from generations.inputs.refusal import not_allowed
from generations.models import Input, Origin, Output
from generations.spec import Kind
from runtime import clock, database, storage
from runtime.tenancy import tenant

REFERENCES_KEPT = timedelta(hours=72)
"""The latest deadline of an order (48 h, of a batch) and a day for retries and repeats."""
STORE_SECONDS = 15.0


async def put(owner: Owner, picture: Decoded) -> str:
    """Store the bytes under a new key, which it gives. Raises Problem(OVERLOADED)."""
    day, name = clock.utc_now().strftime("%Y%m%d"), f"{secrets.token_hex(16)}.{picture.extension}"
    key = f"{owner.mode}/{day}/{owner.organization}/inputs/{name}"
    try:
        await storage.default().aput(key, picture.data, picture.mime, deadline=STORE_SECONDS)
    except storage.StorageError as error:
        sentence = "Pictures cannot be stored right now. Try again shortly."
        raise Problem(Kind.OVERLOADED, sentence, retry_after=5) from error
    return key


def row(owner: Owner, picture: Decoded, origin: Origin, key: str, kept: timedelta) -> Input:
    """The unsaved row of a stored picture."""
    return Input(
        organization_id=owner.organization,
        mode=owner.mode,
        key_id=owner.key,
        origin=origin,
        extension=picture.extension,
        mime=picture.mime,
        width=picture.width,
        height=picture.height,
        bytes=len(picture.data),
        sha256=picture.sha256,
        storage_key=key,
        expires_at=Now() + kept,
    )


# ---- references --------------------------------------------------------------------------------


async def keep_reference(owner: Owner, picture: Decoded, role: str) -> spec.Input:
    """The picture as an order names it; stored unless the same bytes are kept already."""
    key = await _kept(owner, picture.sha256) or await _keep(owner, picture)
    size = len(picture.data)
    return spec.Input(picture.sha256, picture.mime, picture.width, picture.height, size, key, role)


async def _kept(owner: Owner, sha256: str) -> str:
    """The key of the same bytes, kept for longer from now on; "" if they are not there."""
    key = await database.run(lambda: _lengthen(owner, sha256))
    if key and not await storage.default().aexists(key):
        await database.run(lambda: _forget(owner, key))
        return ""
    return key


async def _keep(owner: Owner, picture: Decoded) -> str:
    made = row(owner, picture, Origin.REFERENCE, await put(owner, picture), REFERENCES_KEPT)
    key = await database.run(lambda: _insert_reference(owner, made))
    if key != made.storage_key:
        await storage.default().adelete(made.storage_key)
    return key


def _insert_reference(owner: Owner, made: Input) -> str:
    """The key that is kept: a twin's, when he was quicker."""
    with tenant(owner.organization):
        try:
            with transaction.atomic():
                made.save(force_insert=True)
        except IntegrityError:
            return _lengthened(owner, made.sha256) or made.storage_key
    return made.storage_key


def _lengthen(owner: Owner, sha256: str) -> str:
    with tenant(owner.organization):
        return _lengthened(owner, sha256)


def _lengthened(owner: Owner, sha256: str) -> str:
    # The update locks the row: the janitor deletes it before (then it is not found) or not at all.
    live = Input.objects.of(owner.organization).filter(
        mode=owner.mode, origin=Origin.REFERENCE, sha256=sha256, deleted_at=None
    )
    live.update(expires_at=Greatest("expires_at", Now() + REFERENCES_KEPT))
    return live.values_list("storage_key", flat=True).first() or ""


def _forget(owner: Owner, key: str) -> None:
    with tenant(owner.organization):
        Input.objects.of(owner.organization).filter(storage_key=key).update(deleted_at=Now(), storage_key="")


# ---- our own links -----------------------------------------------------------------------------


async def read_own(owner: Owner, own: links.Own) -> tuple[bytes, bool]:
    """The bytes behind one of our links, and whether our decoder wrote them. Raises Refused for
    whatever is not this organization's in this mode, and for what is no longer kept: the same."""
    found = await database.run(lambda: _own_key(owner, own))
    if found is None:
        raise not_allowed()
    key, decoded = found
    try:
        return await storage.default().aread(key), decoded
    except storage.Missing:
        raise not_allowed() from None


def _own_key(owner: Owner, own: links.Own) -> tuple[str, bool] | None:
    with tenant(owner.organization):
        if address := links.parse(own.path):
            return _output_key(owner, address, own)
        if upload := links.parse_upload(own.path):
            return _upload_key(owner, upload, own)
    return None


def _output_key(owner: Owner, address: links.Address, own: links.Own) -> tuple[str, bool] | None:
    output = (
        Output.objects.of(owner.organization)
        .filter(mode=owner.mode, generation_id=address.generation, number=address.number, deleted_at=None)
        .first()
    )
    if output is None or not links.opens(own.token, address, output.epoch):
        return None
    if own.path != links.path(output.generation_id, output.number, output.mime):
        return None
    return output.storage_key, False


def _upload_key(owner: Owner, upload: UUID, own: links.Own) -> tuple[str, bool] | None:
    kept = (
        Input.objects.of(owner.organization)
        .filter(mode=owner.mode, pk=upload, deleted_at=None, expires_at__gt=Now(), bytes__gt=0)
        .exclude(origin=Origin.REFERENCE)
        .first()
    )
    if kept is None or not links.opens_upload(own.token, upload, kept.epoch):
        return None
    if own.path != links.upload_path(kept.pk, kept.extension):
        return None
    return kept.storage_key, True
