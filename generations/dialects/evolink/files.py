"""The files API: pictures that are kept for 72 hours, for later orders. It has an envelope of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote
from uuid import UUID

from generations.dialect import Answer, Desk, Incoming
from generations.dialects.evolink.fields import bad, json_object, required, text
from generations.errors import Problem
from generations.multipart import File, Form, parse
from generations.spec import Kind, Source, Upload
from generations.wording import number

FILE_BYTES = 20 * 2**20
URL_BYTES = 10 * 2**20
MAX_FILES = 100
PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
MAX_PAGE = 10_000
MAX_LABEL = 200  # characters of a name or path
CHINA = timezone(timedelta(hours=8))  # the vendor tells times so
DATA_URL = re.compile(r"data:", re.IGNORECASE)
FILE_ID = re.compile(r"file_([0-9a-f]{32})")


# ---- taking a file ---------------------------------------------------------------------------


async def upload_base64(request: Incoming, desk: Desk) -> Answer:
    """`base64_data`: a data URL, or base64 alone."""
    body = json_object(request)
    data = required(body, "base64_data").strip()
    url = data if DATA_URL.match(data) else f"data:;base64,{data}"
    source = Source("base64_data", url=url, limit=FILE_BYTES)
    return await _keep(source, desk, text(body, "file_name"), text(body, "upload_path"))


async def upload_url(request: Incoming, desk: Desk) -> Answer:
    """`file_url`: a public http or https URL, fetched now."""
    body = json_object(request)
    url = required(body, "file_url").strip()
    if not url.lower().startswith(("https://", "http://")):
        raise bad("file_url", "file_url must be a public http or https URL")
    source = Source("file_url", url=url, limit=URL_BYTES, http=True)
    return await _keep(source, desk, text(body, "file_name"), text(body, "upload_path"))


async def upload_stream(request: Incoming, desk: Desk) -> Answer:
    """The form's `file`. Its other fields come in camelCase or in snake_case."""
    form = parse(request.headers.get("content-type", ""), request.body, file_bytes=FILE_BYTES)
    file = _file(form)
    name = _field(form, "fileName", "file_name") or file.filename
    source = Source("file", data=file.data, limit=FILE_BYTES)
    return await _keep(source, desk, name, _field(form, "uploadPath", "upload_path"))


def _file(form: Form) -> File:
    files = [file for file in form.files if file.name == "file"]
    if len(files) != 1 or len(form.files) != 1:
        raise bad("file", "Send exactly one file, in the part named file")
    if not files[0].data:
        raise bad("file", "file is empty")
    return files[0]


def _field(form: Form, *names: str) -> str | None:
    found = [(name, value) for name, value in form.fields if name in names]
    if len(found) > 1:
        raise bad(found[1][0], f"{' and '.join(names)} are the same field; send one of them once")
    return found[0][1] if found else None


async def _keep(source: Source, desk: Desk, name: str | None, path: str | None) -> Answer:
    kept = await desk.upload(source, name=_name(name or ""), path=_path(path or ""))
    return _answer("File uploaded successfully", _told(kept))


def _name(name: str) -> str:
    _check_label("file_name", name)
    if "/" in name or "\\" in name:
        raise bad("file_name", "file_name must be a name without a path")
    return name


def _path(path: str) -> str:
    """Where the customer wants to see it; it is a label, and leads nowhere."""
    _check_label("upload_path", path)
    inner = path.strip("/")
    if "\\" in inner or any(part in ("", ".", "..") for part in inner.split("/") if inner):
        raise bad("upload_path", "upload_path must be a plain path like avatars/2026")
    return inner


def _check_label(name: str, value: str) -> None:
    if len(value) > MAX_LABEL:
        raise bad(name, f"{name} is too long: at most {MAX_LABEL} characters")
    if not value.isprintable():
        raise bad(name, f"{name} must not hold control characters")


# ---- what is kept ----------------------------------------------------------------------------


async def list_files(request: Incoming, desk: Desk) -> Answer:
    """The files, newest first."""
    page = number(request.query, "page", 1, MAX_PAGE)
    size = number(request.query, "pageSize", PAGE_SIZE, MAX_PAGE_SIZE)
    kept, total = await desk.uploads((page - 1) * size, size)
    return _answer("success", {"total": total, "files": [_listed(upload) for upload in kept]})


async def quota(request: Incoming, desk: Desk) -> Answer:
    """How many files there are and may be."""
    _, used = await desk.uploads(0, 1)
    counts = {"used_files": used, "max_files": MAX_FILES, "remain_files": max(MAX_FILES - used, 0)}
    return _answer("success", {"user_group": "default", **counts})


async def delete_file(request: Incoming, desk: Desk) -> Answer:
    """Forgets a file; orders that named it before keep their picture."""
    await desk.delete_upload(_id(request.params))
    return _answer("File deleted successfully")


async def download(request: Incoming, desk: Desk) -> Answer:
    """The file's bytes."""
    upload, data = await desk.read_upload(_id(request.params))
    headers = {
        "Content-Type": upload.mime,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(upload.name, safe='')}",
        "X-Content-Type-Options": "nosniff",
    }
    return Answer(200, data, headers)


def _id(params: Mapping[str, str]) -> UUID:
    """Raises Problem(NOT_FOUND): an id of another form names nothing either."""
    found = FILE_ID.fullmatch(params["file_id"])
    if found is None:
        raise Problem(Kind.NOT_FOUND, "There is no such file.")
    return UUID(found[1])


# ---- how it is told --------------------------------------------------------------------------


def _answer(message: str, data: Mapping[str, Any] | None = None) -> Answer:
    body: dict[str, Any] = {"success": True, "code": 200, "msg": message}
    return Answer(200, body if data is None else body | {"data": data})


def _told(upload: Upload) -> dict[str, Any]:
    """The file; both links open without a key until it expires."""
    return {
        "file_id": _file_id(upload),
        "file_name": upload.name,
        "original_name": upload.name,
        "file_size": upload.bytes,
        "mime_type": upload.mime,
        "upload_path": upload.path,
        "file_url": upload.url,
        "download_url": upload.url,
        "upload_time": _time(upload.created_at),
        "expires_at": _time(upload.expires_at),
    }


def _listed(upload: Upload) -> dict[str, Any]:
    return {
        "file_id": _file_id(upload),
        "file_name": upload.name,
        "file_size": upload.bytes,
        "upload_time": _time(upload.created_at),
    }


def _file_id(upload: Upload) -> str:
    return f"file_{upload.id.hex}"


def _time(moment: datetime) -> str:
    return moment.astimezone(CHINA).isoformat(timespec="seconds")
