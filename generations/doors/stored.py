"""The bytes of a stored file, to GET and HEAD: Range honoured, 304 for what the client has."""

from __future__ import annotations

import re
from dataclasses import dataclass

from generations.doors import incoming
from generations.doors.incoming import Scope, Send
from runtime import storage

_RANGE = re.compile(r"^bytes=(\d{0,18})-(\d{0,18})$")
Headers = tuple[tuple[bytes, bytes], ...]
HEADERS: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"access-control-allow-origin", b"*"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"accept-ranges", b"bytes"),
)


@dataclass(frozen=True, slots=True)
class File:
    """What is sent: where it is, and what is said about it. `bytes` is its length."""

    storage_key: str
    name: str
    mime: str
    bytes: int
    sha256: str


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


async def send_file(scope: Scope, send: Send, file: File) -> None:
    """Answer with the file or the part of it that is asked for; 410 when it is no longer there."""
    headers = incoming.headers_of(scope)
    etag = f'"{file.sha256}"'
    if headers.get("if-none-match") == etag:
        await send_text(send, 304, "", ((b"etag", etag.encode()),))
        return
    part = _part(headers.get("range", ""), file.bytes)
    if part is None:
        await send_text(send, 416, "", ((b"content-range", f"bytes */{file.bytes}".encode()),))
        return
    if not await storage.default().aexists(file.storage_key):
        await send_text(send, 410, "This image is no longer kept.")
        return
    status = 206 if part.partial else 200
    await send({"type": "http.response.start", "status": status, "headers": _headers(file, part)})
    if scope["method"] == "GET":
        async for chunk in storage.default().open_range(file.storage_key, part.start, part.end):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _headers(file: File, part: Part) -> list[tuple[bytes, bytes]]:
    made = [
        *HEADERS,
        (b"content-type", file.mime.encode()),
        (b"content-length", str(part.length).encode()),
        (b"content-disposition", f'inline; filename="{file.name}"'.encode()),
        (b"etag", f'"{file.sha256}"'.encode()),
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


async def send_bytes(scope: Scope, send: Send, data: bytes, mime: str, tag: str) -> None:
    """Answer with a small file that is in memory; `tag` names its content."""
    etag = f'"{tag}"'.encode()
    if incoming.headers_of(scope).get("if-none-match", "").encode() == etag:
        await send_text(send, 304, "", ((b"etag", etag),))
        return
    headers = [
        *HEADERS,
        (b"content-type", mime.encode()),
        (b"content-length", str(len(data)).encode()),
        (b"etag", etag),
        (b"cache-control", b"private, max-age=3600"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": data if scope["method"] == "GET" else b""})


async def send_text(send: Send, status: int, text: str, more: Headers = ()) -> None:
    """Answer with a line of plain text."""
    body = text.encode()
    headers = [
        *HEADERS,
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *more]})
    await send({"type": "http.response.body", "body": body})
