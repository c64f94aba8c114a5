"""`POST /v1/uploads/images`: a reference image becomes a public URL."""

from __future__ import annotations

from typing import Any

from generations.dialect import Desk, Incoming
from generations.errors import Problem
from generations.multipart import File, parse
from generations.spec import Kind, Source, Upload

LIMIT = 10 * 2**20  # bytes


async def keep(request: Incoming, desk: Desk) -> dict[str, Any]:
    """Stores the form's `file`; gives the vendor's answer. Raises what `desk.upload` raises, and
    Problem(BAD_REQUEST, UNSUPPORTED_MEDIA) for what is no form with a file."""
    file = _file(request)
    source = Source("file", data=file.data, limit=LIMIT)
    return _told(await desk.upload(source, name=file.filename))


def _file(request: Incoming) -> File:
    """The one file of the form; `purpose` and other fields say nothing that matters here."""
    form = parse(request.headers.get("content-type", ""), request.body, file_bytes=LIMIT)
    files = [file for file in form.files if file.name == "file" and file.data]
    if not files:
        raise _bad("No file uploaded")
    if len(files) > 1:
        raise _bad("Send one file at a time")
    return files[0]


def _told(upload: Upload) -> dict[str, Any]:
    data = {
        "id": f"upload_{upload.id.hex}",
        "url": upload.url,
        "mime_type": upload.mime,
        "size": upload.bytes,
    }
    return {"success": True, "message": "", "data": data}


def _bad(message: str) -> Problem:
    return Problem(Kind.BAD_REQUEST, message, param="file")
