"""From a source to its bytes: raw, inside a data URL, behind one of our own links, or fetched."""

from __future__ import annotations

import asyncio
import binascii
import re
from dataclasses import dataclass
from urllib.parse import quote

import pybase64

from accounts import egress
from generations import links
from generations.inputs import shelf
from generations.inputs.owner import Owner
from generations.inputs.refusal import Refused, larger_than, not_allowed, not_an_image
from generations.inputs.turns import turns
from generations.spec import Kind, Source
from runtime import http
from runtime.egress import EgressRefused, Reason

BUCKET_BYTES = 30 * 2**20
"""The most a `gs://` object may have, whatever the field's own limit."""
_BUCKET = re.compile(r"gs://([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])/(.{1,1024})", re.DOTALL | re.IGNORECASE)
_BUCKETS = "https://storage.googleapis.com/"


@dataclass(frozen=True, slots=True)
class Found:
    """The bytes of a source; `ours` when our own decoder wrote them."""

    data: bytes
    ours: bool = False


async def find(owner: Owner, source: Source) -> Found:
    """The bytes of a source, at most `source.limit` (our own images have no such limit). Raises Refused."""
    scheme = source.url[:5].lower()
    if not source.url:
        return Found(_within(source.data, source.limit))
    if scheme == "data:":
        return Found(await asyncio.to_thread(read_data_url, source.url, source.limit))
    if own := links.own(source.url):
        data, ours = await shelf.read_own(owner, own)
        return Found(data, ours)
    if scheme == "gs://":
        return Found(await _read_object(owner, source.url))
    return Found(await _fetch(owner, source.url, source.limit, plain=source.http))


def _within(data: bytes, limit: int) -> bytes:
    if len(data) > limit:
        raise larger_than(limit)
    return data


# ---- data URLs ---------------------------------------------------------------------------------


def read_data_url(url: str, limit: int) -> bytes:
    """The bytes of `data:[type][;parameters];base64,...`. The alphabet may be the standard or the
    URL-safe one, padding may be missing; the claimed type counts for nothing. Raises Refused."""
    head, comma, text = url.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise not_an_image("is not a base64 data URL (data:image/png;base64,...).")
    if len(text) * 3 // 4 > limit + 3:
        raise larger_than(limit)
    return _within(decode_base64(text), limit)


def decode_base64(text: str) -> bytes:
    """Strict: no white space, no other letter, nothing behind the end. Raises Refused."""
    letters = text.rstrip("=")
    padding = "=" * (-len(letters) % 4)
    if len(text) - len(letters) not in (0, len(padding)):
        raise not_an_image("is not valid base64.")
    try:
        standard = letters.encode("ascii").translate(bytes.maketrans(b"-_", b"+/")) + padding.encode()
        return pybase64.b64decode(standard, validate=True)
    except (binascii.Error, ValueError):
        raise not_an_image("is not valid base64.") from None


# ---- fetched -----------------------------------------------------------------------------------


async def _read_object(owner: Owner, url: str) -> bytes:
    """A public object of Google's storage, through the same guarded fetch."""
    found = _BUCKET.fullmatch(url)
    if not found:
        raise not_allowed()
    try:
        address = f"{_BUCKETS}{found[1].lower()}/{quote(found[2], safe='/~')}"
        return await _fetch(owner, address, BUCKET_BYTES, plain=False)
    except Refused as refused:
        if refused.reason == Reason.FETCH_FAILED:
            sentence = "could not be read (fetch_failed): an object named by gs:// must be public."
            raise Refused(refused.kind, refused.reason, sentence) from None
        raise


async def _fetch(owner: Owner, url: str, limit: int, *, plain: bool) -> bytes:
    turns().may_fetch(owner.organization)
    try:
        fetched = await http.fetch(url, egress.fetch_policy(limit, http=plain))
    except EgressRefused as refused:
        raise _worded(refused.reason, limit) from None
    turns().note_fetched(owner.organization, len(fetched.data))
    return fetched.data


def _worded(reason: Reason, limit: int) -> Refused:
    if reason is Reason.TOO_LARGE:
        return larger_than(limit)
    if reason is Reason.TIMEOUT:
        return Refused(Kind.BAD_REQUEST, reason, "did not arrive in time (timeout).")
    if reason is Reason.FETCH_FAILED:
        sentence = "could not be fetched (fetch_failed): its server must answer 200 with the picture."
        return Refused(Kind.BAD_REQUEST, reason, sentence)
    return not_allowed()
