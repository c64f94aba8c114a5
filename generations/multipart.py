"""A `multipart/form-data` body (RFC 7578), read strictly and in memory.

By hand, because a dialect knows no framework, and because a lenient reader is a way in: what is not
exactly a form is refused, and no part is ever looked at twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote

from generations.errors import Problem
from generations.spec import Kind

MAX_PARTS = 40
MAX_HEADER_BYTES = 8 * 2**10  # all headers of one part
MAX_FIELD_BYTES = 2**20
MAX_FILE_BYTES = 20 * 2**20
MAX_NAME = 200  # characters of a field's or a file's name

BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
PARAMETER = re.compile(r'[ \t]*;[ \t]*([0-9A-Za-z_*\-]+)[ \t]*=[ \t]*("(?:\\.|[^"\\])*"|[^;" \t]+)')
HEADER = re.compile(r"([0-9A-Za-z\-]+)[ \t]*:(.*)")
PADDING = b" \t"
PLAIN_ENCODINGS = ("", "7bit", "8bit", "binary")


class File(NamedTuple):
    """One file of a form. `filename` is its last path segment ("" where the client named none),
    `mime` what the client claims, lower case and without parameters."""

    name: str
    filename: str
    mime: str
    data: bytes


@dataclass(slots=True)
class Form:
    """A form in the order it was sent. The same name may come more than once."""

    fields: list[tuple[str, str]] = field(default_factory=list)
    files: list[File] = field(default_factory=list)


def parse(content_type: str, body: bytes, *, file_bytes: int = MAX_FILE_BYTES) -> Form:
    """The form in a body with that `Content-Type`. A part is a file if it has a file name or a type
    that is neither text nor JSON.

    Raises Problem: UNSUPPORTED_MEDIA if the type is another one, TOO_LARGE (param: the part's name)
    for a file over `file_bytes` or a field over 1 MiB, BAD_REQUEST for everything that is no form.
    """
    form = Form()
    for head, data in _parts(body, b"--" + _boundary(content_type)):
        _place(form, _headers(head), data, file_bytes)
    return form


def _boundary(content_type: str) -> bytes:
    kind, parameters = _parameters(content_type)
    if kind != "multipart/form-data":
        raise Problem(Kind.UNSUPPORTED_MEDIA, "Content-Type must be multipart/form-data")
    boundary = parameters.get("boundary", "")
    if not BOUNDARY.fullmatch(boundary):
        raise _bad("Content-Type names no valid boundary")
    return boundary.encode()


def _parts(body: bytes, dash: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The header block and the content of every part, up to the closing delimiter."""
    start = _opening(body, dash)
    for _ in range(MAX_PARTS + 1):
        if (begin := _after_delimiter(body, start)) is None:
            return
        end = body.find(b"\r\n" + dash, begin)
        if end < 0:
            raise _bad("The form is cut off: its closing boundary is missing")
        yield _split(body, begin, end)
        start = end + 2 + len(dash)
    raise _bad(f"The form has more than {MAX_PARTS} parts")


def _opening(body: bytes, dash: bytes) -> int:
    """Where the first delimiter ends."""
    begin = 2 if body.startswith(b"\r\n") else 0
    if not body.startswith(dash, begin):
        raise _bad("The form does not begin with its boundary")
    return begin + len(dash)


def _after_delimiter(body: bytes, start: int) -> int | None:
    """Where the part begins whose delimiter ends at `start`; None if it was the closing one."""
    line_end = body.find(b"\r\n", start)
    rest = body[start:] if line_end < 0 else body[start:line_end]
    if rest.rstrip(PADDING) == b"--":
        if body[start + 2 : start + 1024].strip() or len(body) > start + 1024:
            raise _bad("There is something after the closing boundary")
        return None
    if line_end < 0 or rest.strip(PADDING):
        raise _bad("A boundary line is malformed")
    # The blank line that ends the headers may follow at once: leave its line break to be found.
    return line_end


def _split(body: bytes, begin: int, end: int) -> tuple[bytes, bytes]:
    middle = body.find(b"\r\n\r\n", begin, min(end, begin + MAX_HEADER_BYTES) + 4)
    if middle < 0 or middle > end - 4:
        raise _bad("The headers of a part are missing, unfinished or too long")
    return body[begin + 2 : middle], body[middle + 4 : end]


def _headers(head: bytes) -> dict[str, str]:
    """A part's headers, their names in lower case."""
    found: dict[str, str] = {}
    for line in _text(head, "The headers of a part").split("\r\n"):
        match = HEADER.fullmatch(line)
        if match is None or match[1].lower() in found:
            raise _bad("A header of a part is malformed")
        found[match[1].lower()] = match[2].strip()
    return found


def _place(form: Form, headers: Mapping[str, str], data: bytes, file_bytes: int) -> None:
    """Judges one part and adds it to the form."""
    kind, parameters = _parameters(headers.get("content-disposition", ""))
    name = parameters.get("name", "")
    if kind != "form-data" or not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise _bad('Every part needs Content-Disposition: form-data; name="..."')
    if headers.get("content-transfer-encoding", "").lower() not in PLAIN_ENCODINGS:
        raise _bad("Content-Transfer-Encoding is not understood: send the bytes as they are", name)
    mime = headers.get("content-type", "").partition(";")[0].strip().lower()
    filename = _filename(parameters)
    if filename is not None or _is_binary(mime):
        _check_length(data, file_bytes, name)
        form.files.append(File(name, filename or "", mime, data))
    else:
        _check_length(data, MAX_FIELD_BYTES, name)
        form.fields.append((name, _text(data, name, name)))


def _is_binary(mime: str) -> bool:
    return bool(mime) and not mime.startswith("text/") and mime != "application/json"


def _check_length(data: bytes, most: int, name: str) -> None:
    if len(data) > most:
        raise Problem(Kind.TOO_LARGE, f"{name} is too large: at most {most} bytes", param=name)


def _filename(parameters: Mapping[str, str]) -> str | None:
    """The last segment of the file's name; None where the part names no file."""
    named = parameters.get("filename")
    if "filename*" in parameters:
        charset, _, encoded = parameters["filename*"].partition("'")
        named = unquote(encoded.partition("'")[2]) if charset.lower() == "utf-8" else named
    if named is None:
        return None
    last = re.split(r"[/\\]", named)[-1]
    return "".join(letter for letter in last if letter.isprintable())[:MAX_NAME]


def _parameters(value: str) -> tuple[str, dict[str, str]]:
    """`form-data; name="x"` as its first word (lower case) and its parameters."""
    first, found = value.partition(";")[0].strip(), {}
    position = len(value.partition(";")[0])
    while position < len(value.rstrip(" \t;")):
        match = PARAMETER.match(value, position)
        if match is None or match[1].lower() in found:
            raise _bad("A header is malformed")
        found[match[1].lower()] = _unquoted(match[2])
        position = match.end()
    return first.lower(), found


def _unquoted(text: str) -> str:
    """A parameter's value. Browsers write a quote in a name as %22, curl as a backslash and a quote."""
    if not text.startswith('"'):
        return text
    return text[1:-1].replace('\\"', '"').replace("%22", '"').replace("%0D", "").replace("%0A", "")


def _text(data: bytes, what: str, param: str | None = None) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise _bad(f"{what} must be UTF-8 text", param) from None
    if "\x00" in text:
        raise _bad(f"{what} holds a character that cannot be stored", param)
    return text


def _bad(message: str, param: str | None = None) -> Problem:
    return Problem(Kind.BAD_REQUEST, message, param=param)
