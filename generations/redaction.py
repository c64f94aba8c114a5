"""Bodies as people may look back at them: no secret, no picture, no more than a page or two.

    {"prompt":"a fox","image":"data:image/png;base64,iVBORw0…"}
    {"prompt":"a fox","image":"[1,482,113 bytes left out]"}

Pictures are passed over with `bytes.find`, so that a body of megabytes costs no more than a small one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from runtime import logs

LONGEST_WORD: Final = 1024  # bytes of a string without a space that are not a picture
LONGEST_STRING: Final = 4_000  # bytes of any string that are shown
LONGEST: Final = 8 * 2**10  # bytes of a body that are shown
MOST_QUOTES: Final = LONGEST
FORM_FIELD: Final = 2_000
MOST_PARTS: Final = 40
_NAMES = "|".join(
    map(
        re.escape,
        sorted(logs.SECRET_FIELDS | {"token", "access_token", "refresh_token", "client_secret", "apikey"}),
    )
)
_MEMBER = re.compile(rf'("(?:{_NAMES})"\s*:\s*")(?:[^"\\]|\\.)*', re.IGNORECASE | re.DOTALL)
"""A member that is called like a secret, with its text: what stands there is nobody's business."""
_PART = re.compile(rf'\bname="?(?:{_NAMES})"?(?:;|$)', re.IGNORECASE)


def shown(body: bytes, media_type: str = "application/json", links: Iterable[str] = ()) -> str:
    """A body in at most about 8 KiB of text. `links` are the addresses of the pictures in it, in their
    order. Anything else than JSON and text is only measured."""
    if media_type.startswith("multipart/"):
        text = "\n".join(islice(_parts(body), MOST_PARTS))
    elif _readable(media_type):
        text = b"".join(_pieces(body, iter(links))).decode("utf-8", "replace")
    else:
        text = f"[{len(body):,} bytes of {media_type}]" if body else ""
    named = _MEMBER.sub(rf"\1{logs.MASK}", text.replace("\x00", "\N{REPLACEMENT CHARACTER}"))
    return str(logs.mask(named))


def _readable(media_type: str) -> bool:
    return not media_type or media_type.startswith("text/") or "json" in media_type


def _pieces(body: bytes, links: Iterator[str]) -> Iterator[bytes]:
    """What stands between the long strings of a JSON text, and a word for each of them."""
    room, kept = LONGEST, 0
    for start, end in _strings(body):
        if start - kept > room:
            break
        if _left_out(body, start, end):
            yield body[kept:start]
            yield _instead(end - start, next(links, ""))
            room, kept = room - (start - kept), end
    rest = body[kept : kept + room]
    yield rest
    if more := len(body) - kept - len(rest):
        yield f" … [{more:,} bytes more]".encode()


def _strings(body: bytes) -> Iterator[tuple[int, int]]:
    """Where the first strings of a JSON text begin and end, without their quotes."""
    start, at = 0, body.find(b'"')
    for _ in range(MOST_QUOTES):
        if at < 0:
            return
        if not start:
            start = at + 1
        elif not _escaped(body, at):
            yield start, at
            start = 0
        at = body.find(b'"', at + 1)


def _escaped(body: bytes, quote: int) -> bool:
    """Whether an odd number of backslashes stands before a quote."""
    before = body[max(0, quote - 64) : quote]
    return (len(before) - len(before.rstrip(b"\\"))) % 2 == 1


def _left_out(body: bytes, start: int, end: int) -> bool:
    if end - start <= LONGEST_WORD:
        return False
    return end - start > LONGEST_STRING or body.find(b" ", start, start + LONGEST_WORD) < 0


def _instead(size: int, link: str) -> bytes:
    return f"[picture: {link}]".encode() if link else f"[{size:,} bytes left out]".encode()


def _parts(body: bytes) -> Iterator[str]:
    """A form part by part: its fields with their text, its files with their size."""
    boundary = body[: max(body.find(b"\r\n"), 0)]
    at = len(boundary)
    while boundary and (end := body.find(b"\r\n" + boundary, at)) >= 0:
        head, _, rest = body[at : min(end, at + 8192)].partition(b"\r\n\r\n")
        size = end - at - len(head) - 4
        said = head.decode("utf-8", "replace").strip().replace("\r\n", "; ")
        value = f"[{size:,} bytes]" if b"filename" in head.lower() else _field(rest)
        value = logs.MASK if _PART.search(said) else value
        yield f"{said}: {value}"[: FORM_FIELD + 500]
        at = end + 2 + len(boundary)


def _field(value: bytes) -> str:
    cut = value[:FORM_FIELD].decode("utf-8", "replace")
    return cut if len(value) <= FORM_FIELD else f"{cut} …"
