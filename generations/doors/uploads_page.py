"""`/u/...`: the bytes of an upload, to whoever holds its link, and the PUT of a promised one.

GET and HEAD answer as `/i/...` does. A PUT takes the bytes once, with exactly the promised
Content-Type, at most 30 MB, through the same gate as every other picture.
"""

from __future__ import annotations

from uuid import UUID

from django.utils.timezone import now

from generations import inputs, links
from generations.doors import incoming
from generations.doors.incoming import BodyBudget, BodyShare, Disconnected, Receive, Scope, Send
from generations.doors.stored import File, Headers, send_file, send_text
from generations.errors import Problem
from generations.inputs.uploading import PROMISED_BYTES
from generations.models import Input, Origin
from generations.spec import Kind
from runtime import database
from runtime.errors import DatabaseUnavailable
from runtime.tenancy import possession

METHODS = "GET, HEAD, PUT"
STATUSES = {
    Kind.TOO_LARGE: 413, Kind.UNSUPPORTED_MEDIA: 415, Kind.RATE_LIMITED: 429, Kind.OVERLOADED: 503,
}  # fmt: skip


async def serve(scope: Scope, receive: Receive, send: Send, budget: BodyBudget) -> None:
    """Answer a request for an upload."""
    try:
        if scope["method"] in ("GET", "HEAD"):
            await _show(scope, send)
        elif scope["method"] == "PUT":
            await _take(scope, receive, send, budget)
        else:
            await send_text(send, 405, f"Use one of {METHODS}.", ((b"allow", METHODS.encode()),))
    except DatabaseUnavailable:
        await send_text(send, 503, "Not available right now. Try again shortly.", ((b"retry-after", b"3"),))


# ---- GET and HEAD ------------------------------------------------------------------------------


async def _show(scope: Scope, send: Send) -> None:
    upload = await _find(incoming.path_of(scope))
    token = incoming.query_of(scope).get("t", "")
    if upload is None or not links.opens_upload(token, upload.pk, upload.epoch):
        await send_text(send, 404, "Not found.")
    elif _is_gone(upload):
        await send_text(send, 410, "This file is no longer kept.")
    elif not upload.bytes:
        await send_text(send, 404, "This file has not been sent yet.")
    else:
        name = f"{upload.pk}.{upload.extension}"
        file = File(upload.storage_key, name, upload.mime, upload.bytes, upload.sha256)
        await send_file(scope, send, file)


async def _find(path: str) -> Input | None:
    """Opened by possession: this upload is all that can be seen, and it has one path."""
    upload = links.parse_upload(path)
    row = await database.run(lambda: _read(upload)) if upload else None
    if row is None or path != links.upload_path(row.pk, row.extension):
        return None
    return row


def _read(upload: UUID) -> Input | None:
    with possession(upload=upload):
        return Input.objects.across().filter(pk=upload).exclude(origin=Origin.REFERENCE).first()


def _is_gone(upload: Input) -> bool:
    return upload.deleted_at is not None or upload.expires_at <= now()


# ---- PUT ---------------------------------------------------------------------------------------


async def _take(scope: Scope, receive: Receive, send: Send, budget: BodyBudget) -> None:
    promised = await _find(incoming.path_of(scope))
    token = incoming.query_of(scope).get("put", "")
    if promised is None or promised.origin != Origin.PROMISED or not links.admits(token, promised.pk):
        await send_text(send, 404, "Not found.")
        return
    headers = incoming.headers_of(scope)
    if refusal := _refuse(promised, headers.get("content-type", "")):
        await send_text(send, *refusal)
        return
    share = BodyShare(budget)
    try:
        data = await incoming.read_body(receive, headers, PROMISED_BYTES, share)
        mine = await inputs.fulfil(promised, data)
        await send_text(send, 200, "") if mine else await send_text(send, 409, "This file was sent already.")
    except Problem as problem:
        await send_text(send, STATUSES.get(problem.kind, 400), problem.message, _later(problem))
    except Disconnected:
        return
    finally:
        share.give_back()


def _refuse(promised: Input, content_type: str) -> tuple[int, str] | None:
    """What speaks against this PUT before its body is read."""
    if _is_gone(promised):
        return 403, "This upload is no longer waited for."
    if not content_type:
        return 400, "Send the Content-Type that the upload was promised with."
    if _jpeg(content_type) != _jpeg(promised.mime) and not promised.bytes:
        return 403, f"Content-Type must be {promised.mime}."
    return None


def _jpeg(mime: str) -> str:
    """One word for the two that JPEG goes by."""
    return mime.strip().lower().replace("image/jpg", "image/jpeg")


def _later(problem: Problem) -> Headers:
    return ((b"retry-after", str(problem.retry_after).encode()),) if problem.retry_after else ()
