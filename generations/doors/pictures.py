"""`/i/...`: the bytes of an image, to whoever holds its link.

200 with the bytes to GET and HEAD, Range honoured, 410 when it is no longer kept, 404 for a link we
did not make.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from generations import links
from generations.doors import incoming
from generations.doors.incoming import Scope, Send
from generations.models import Output
from runtime import database, storage
from runtime.errors import DatabaseUnavailable
from runtime.tenancy import possession

_RANGE = re.compile(r"^bytes=(\d{0,18})-(\d{0,18})$")
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"access-control-allow-origin", b"*"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"accept-ranges", b"bytes"),
)


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes asked for: `start` up to and without `end`, of `size`."""

    start: int
    end: int
    size: int
    partial: bool

    @property
    def length(self) -> int:
        return self.end - self.start


async def serve(scope: Scope, send: Send) -> None:
    """Answer a request for a link."""
    if scope["method"] not in ("GET", "HEAD"):
        await _plain(send, 405, "Use GET.", ((b"allow", b"GET, HEAD"),))
        return
    try:
        await _answer(scope, send)
    except DatabaseUnavailable:
        await _plain(send, 503, "Not available right now. Try again shortly.", ((b"retry-after", b"3"),))


async def _answer(scope: Scope, send: Send) -> None:
    path = incoming.path_of(scope)
    address = links.parse(path)
    output = await database.run(lambda: _find(address, path)) if address else None
    token = incoming.query_of(scope).get("t", "")
    if address is None or output is None or not links.opens(token, address, output.epoch):
        revoked = output is not None and any(
            links.opens(token, address, epoch) for epoch in range(output.epoch) if address
        )
        await (_plain(send, 410, "This link was revoked.") if revoked else _plain(send, 404, "Not found."))
    elif output.deleted_at is not None:
        await _plain(send, 410, "This image is no longer kept.")
    else:
        await _picture(scope, send, output)


def _find(address: links.Address, path: str) -> Output | None:
    """Opened by possession: the link's own generation is all that can be seen. An image has one path:
    another spelling of the same is none."""
    with possession(generation=address.generation):
        rows = Output.objects.across().filter(generation_id=address.generation, number=address.number)
        output = rows.first()
    if output is None or path != f"/i/{output.generation_id}/{output.number}.{links.EXTENSIONS[output.mime]}":
        return None
    return output


async def _picture(scope: Scope, send: Send, output: Output) -> None:
    headers = incoming.headers_of(scope)
    etag = f'"{output.sha256}"'
    if headers.get("if-none-match") == etag:
        await _plain(send, 304, "", ((b"etag", etag.encode()),))
        return
    part = _part(headers.get("range", ""), output.bytes)
    if part is None:
        await _plain(send, 416, "", ((b"content-range", f"bytes */{output.bytes}".encode()),))
        return
    store = storage.default()
    if not await store.aexists(output.storage_key):
        await _plain(send, 410, "This image is no longer kept.")
        return
    await send(
        {
            "type": "http.response.start",
            "status": 206 if part.partial else 200,
            "headers": _headers(output, part),
        }
    )
    if scope["method"] == "GET":
        async for chunk in store.open_range(output.storage_key, part.start, part.end):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _headers(output: Output, part: Part) -> list[tuple[bytes, bytes]]:
    name = f'inline; filename="{output.generation_id}-{output.number}.{links.EXTENSIONS[output.mime]}"'
    made = [
        *HEADERS,
        (b"content-type", output.mime.encode()),
        (b"content-length", str(part.length).encode()),
        (b"content-disposition", name.encode()),
        (b"etag", f'"{output.sha256}"'.encode()),
        (b"cache-control", b"private, max-age=3600"),
    ]
    if part.partial:
        made.append((b"content-range", f"bytes {part.start}-{part.end - 1}/{part.size}".encode()))
    return made


def _part(header: str, size: int) -> Part | None:
    """What a Range header asks for; the whole where it asks for nothing we know; None if it cannot
    be satisfied."""
    found = _RANGE.match(header)
    first, last = found.groups() if found else ("", "")
    if not (first or last) or (first and last and int(last) < int(first)):
        return Part(0, size, size, partial=False)
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last) + 1, size) if first and last else size
    return Part(start, end, size, partial=True) if start < end else None


async def _plain(send: Send, status: int, text: str, more: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    body = text.encode()
    headers = [
        *HEADERS,
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *more]})
    await send({"type": "http.response.body", "body": body})
