"""`/i/...`: the bytes of an image, to whoever holds its link.

200 with the bytes to GET and HEAD, Range honoured, 410 when it is no longer kept, 404 for a link we
did not make. `?w=` with one of `thumbnails.WIDTHS` gives a small WebP of it, for pages.
"""

from __future__ import annotations

from functools import partial

from generations import links, thumbnails
from generations.doors import incoming
from generations.doors.incoming import Scope, Send
from generations.doors.stored import File, send_bytes, send_file, send_text
from generations.models import Output
from runtime import database, storage
from runtime.clock import utc_now
from runtime.errors import DatabaseUnavailable
from runtime.tenancy import possession


async def serve(scope: Scope, send: Send) -> None:
    """Answer a request for a link."""
    if scope["method"] not in ("GET", "HEAD"):
        await send_text(send, 405, "Use GET.", ((b"allow", b"GET, HEAD"),))
        return
    try:
        await _answer(scope, send)
    except DatabaseUnavailable:
        await send_text(send, 503, "Not available right now. Try again shortly.", ((b"retry-after", b"3"),))


async def _answer(scope: Scope, send: Send) -> None:
    path = incoming.path_of(scope)
    address = links.parse(path)
    output = await database.run(lambda: _find(address, path)) if address else None
    query = incoming.query_of(scope)
    token = query.get("t", "")
    if address is None or output is None or not links.opens(token, address, output.epoch):
        revoked = output is not None and any(
            links.opens(token, address, epoch) for epoch in range(output.epoch) if address
        )
        told = (410, "This link was revoked.") if revoked else (404, "Not found.")
        await send_text(send, *told)
    elif output.deleted_at is not None or (output.expires_at and output.expires_at <= utc_now()):
        await send_text(send, 410, "This image is no longer kept.")
    else:
        await _send(scope, send, output, thumbnails.wanted(query.get("w", "")))


async def _send(scope: Scope, send: Send, output: Output, width: int | None) -> None:
    """The picture, or a small one; what cannot be made smaller goes as it is."""
    if width is None or width >= output.width:
        await send_file(scope, send, _file(output))
        return
    read = partial(storage.default().read, output.storage_key)
    try:
        data = await thumbnails.small(output.storage_key, width, read)
    except (storage.StorageError, OSError):
        await send_file(scope, send, _file(output))
    else:
        await send_bytes(scope, send, data, thumbnails.MIME, f"{output.sha256}-{width}")


def _find(address: links.Address, path: str) -> Output | None:
    """Opened by possession: the link's own generation is all that can be seen."""
    with possession(generation=address.generation):
        rows = Output.objects.across().filter(generation_id=address.generation, number=address.number)
        output = rows.first()
    if output is None or path != links.path(output.generation_id, output.number, output.mime):
        return None
    return output


def _file(output: Output) -> File:
    name = f"{output.generation_id}-{output.number}.{links.EXTENSIONS[output.mime]}"
    return File(output.storage_key, name, output.mime, output.bytes, output.sha256)
