"""Uploads: pictures that a customer keeps with us for 72 hours, given at once or PUT later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import PurePosixPath
from typing import TypeVar
from urllib.parse import unquote, urlsplit
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Now

from generations import links, spec
from generations.errors import Problem
from generations.inputs import shelf
from generations.inputs.decoder import Decoded
from generations.inputs.gate import Weight, picture
from generations.inputs.owner import Owner
from generations.inputs.refusal import Refused
from generations.models import Input, Origin
from generations.spec import Kind, Source
from runtime import database, storage
from runtime.tenancy import tenant

T = TypeVar("T")

KEPT = timedelta(hours=72)
PROMISED = timedelta(minutes=15)
"""How long a promised file is waited for."""
MOST_UPLOADS = 100  # of one organization in one mode
MOST_LETTERS = 200
PROMISED_BYTES = 30 * 2**20
_EXTENSIONS = {
    "image/png": "png", "image/webp": "png", "image/jpeg": "jpg", "image/jpg": "jpg", "image/heic": "jpg",
    "image/heif": "jpg",
}  # fmt: skip


async def upload(owner: Owner, source: Source, *, name: str = "", path: str = "") -> spec.Upload:
    """Keep a picture: PNG, JPEG, WebP, HEIC, HEIF, or the first frame of a GIF.

    Raises what `take` raises, Problem(BAD_REQUEST) for a name or path that is too long and
    Problem(RATE_LIMITED, reason="quota") when as many are kept as may be.
    """
    name, path = _label(name or _name_in(source.url), "name"), _label(path, "path")
    await _in_tenant(owner, lambda: _check_quota(owner))
    try:
        decoded = await picture(owner, source, Weight(), gif=True)
    except Refused as refused:
        raise refused.problem(source.field) from refused
    made = shelf.row(owner, decoded, Origin.UPLOAD, await shelf.put(owner, decoded), KEPT)
    made.name, made.path = name or f"{made.pk}.{made.extension}", path
    try:
        await _in_tenant(owner, lambda: _insert(owner, made))
    except Problem:
        await storage.default().adelete(made.storage_key)
        raise
    return tell(made)


async def await_upload(owner: Owner, mime: str) -> tuple[str, spec.Upload]:
    """The URL to PUT a file of this type to within 15 minutes, and the upload it will be. Raises
    Problem: UNSUPPORTED_MEDIA, RATE_LIMITED."""
    extension = _EXTENSIONS.get(mime.lower())
    if extension is None:
        raise Problem(Kind.UNSUPPORTED_MEDIA, f"{mime[:100]} is not a type of image that can be uploaded.")
    made = Input(
        organization_id=owner.organization,
        mode=owner.mode,
        key_id=owner.key,
        origin=Origin.PROMISED,
        extension=extension,
        mime=mime.lower(),
        expires_at=Now() + PROMISED,
    )
    made.name = f"{made.pk}.{extension}"
    await _in_tenant(owner, lambda: _insert(owner, made))
    return links.put_url(made.pk, extension), tell(made)


async def fulfil(promised: Input, data: bytes) -> bool:
    """The bytes of a promised upload, through the same gate as every other picture. The same picture
    again changes nothing; False when it has another one already. Raises Problem."""
    owner = Owner(promised.organization_id, promised.mode, promised.key_id)
    source = Source("The file", data=data, limit=PROMISED_BYTES)
    try:
        decoded = await picture(owner, source, Weight())
    except Refused as refused:
        raise refused.problem("The file") from refused
    if promised.bytes:
        return promised.sha256 == decoded.sha256
    key = await shelf.put(owner, decoded)
    sha256 = await _in_tenant(owner, lambda: _fill(promised, decoded, key))
    if sha256 != (decoded.sha256, key):
        await storage.default().adelete(key)
    return sha256[0] == decoded.sha256


async def uploads(owner: Owner, skip: int, size: int) -> tuple[tuple[spec.Upload, ...], int]:
    """The uploads that have their bytes, newest first, and how many there are."""

    def read() -> tuple[tuple[spec.Upload, ...], int]:
        rows = _kept(owner).filter(bytes__gt=0)
        return tuple(tell(row) for row in rows.order_by("-id")[skip : skip + size]), rows.count()

    return await _in_tenant(owner, read)


async def read_upload(owner: Owner, upload: UUID) -> tuple[spec.Upload, bytes]:
    """An upload that has its bytes, and these. Raises Problem(NOT_FOUND)."""
    found = await _in_tenant(owner, lambda: _kept(owner).filter(pk=upload, bytes__gt=0).first())
    if found is None:
        raise Problem(Kind.NOT_FOUND, "There is no such file.")
    try:
        return tell(found), await storage.default().aread(found.storage_key)
    except storage.Missing:
        raise Problem(Kind.NOT_FOUND, "There is no such file.") from None


async def delete_upload(owner: Owner, upload: UUID) -> None:
    """Forget an upload: its row first, then its bytes, which the janitor deletes if we cannot. Raises
    Problem(NOT_FOUND)."""
    key = await _in_tenant(owner, lambda: _bury(owner, upload))
    if key is None:
        raise Problem(Kind.NOT_FOUND, "There is no such file.")
    if key:
        await storage.default().adelete(key)
        await _in_tenant(owner, lambda: _all(owner).filter(pk=upload).update(storage_key=""))


# ---- rows --------------------------------------------------------------------------------------


def tell(row: Input) -> spec.Upload:
    """An upload as its owner may see it."""
    return spec.Upload(
        id=row.pk,
        name=row.name,
        path=row.path,
        mime=row.mime,
        width=row.width,
        height=row.height,
        bytes=row.bytes,
        sha256=row.sha256,
        url=links.upload_url(row.pk, row.extension, row.epoch),
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


async def _in_tenant(owner: Owner, block: Callable[[], T]) -> T:
    def within() -> T:
        with tenant(owner.organization):
            return block()

    return await database.run(within)


def _all(owner: Owner) -> QuerySet[Input]:
    mine = Input.objects.of(owner.organization).filter(mode=owner.mode)
    return mine.exclude(origin=Origin.REFERENCE)


def _kept(owner: Owner) -> QuerySet[Input]:
    return _all(owner).filter(deleted_at=None, expires_at__gt=Now())


def _check_quota(owner: Owner) -> None:
    """Promises count as long as they are waited for."""
    if _kept(owner).count() >= MOST_UPLOADS:
        raise Problem(
            Kind.RATE_LIMITED,
            f"{MOST_UPLOADS} files are kept already, as many as may be. Delete some or let them expire.",
            reason="quota",
            limit=MOST_UPLOADS,
        )


def _insert(owner: Owner, made: Input) -> None:
    with connection.cursor() as cursor:  # two of them must not both find the last place free
        name = f"uploads:{owner.organization}:{owner.mode}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (name,))
    _check_quota(owner)
    made.save(force_insert=True)
    made.refresh_from_db(fields=["created_at", "expires_at"])


def _fill(promised: Input, decoded: Decoded, key: str) -> tuple[str, str]:
    """Give the promise its picture unless it has one; the sha256 and key that it has now."""
    of = Input.objects.of(promised.organization_id).filter(pk=promised.pk)
    of.filter(bytes=0, deleted_at=None, expires_at__gt=Now()).update(
        mime=decoded.mime,
        width=decoded.width,
        height=decoded.height,
        bytes=len(decoded.data),
        sha256=decoded.sha256,
        storage_key=key,
        expires_at=Now() + KEPT,
    )
    return of.values_list("sha256", "storage_key").get()


def _bury(owner: Owner, upload: UUID) -> str | None:
    """The key of what was there; None if there was nothing."""
    found = _kept(owner).filter(pk=upload).select_for_update().first()
    if found is None:
        return None
    found.deleted_at = Now()
    found.save(update_fields=["deleted_at"])
    return found.storage_key


# ---- names -------------------------------------------------------------------------------------


def _label(text: str, what: str) -> str:
    """A name or path as it may be shown: no control characters."""
    shown = "".join(letter for letter in text if letter.isprintable())
    if len(shown) > MOST_LETTERS:
        raise Problem(Kind.BAD_REQUEST, f"The file's {what} is longer than {MOST_LETTERS} characters.")
    return shown


def _name_in(url: str) -> str:
    """The last segment of a URL's path, if there is one that fits."""
    if not url.lower().startswith(("http://", "https://", "gs://")):
        return ""
    try:
        return PurePosixPath(unquote(urlsplit(url).path)).name[:MOST_LETTERS]
    except ValueError:
        return ""
