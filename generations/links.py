"""The one address of an image, `/i/<generation>/<n>.<extension>?t=<token>`, and of an upload,
`/u/<id>.<extension>?t=<token>`.

Deterministic, so that every rendering of a generation is byte-equal; raising an epoch makes every
link made before worthless.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from django.conf import settings

from runtime import signing

EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
_PATH = re.compile(r"^/i/([0-9a-f-]{36})/(\d{1,2})\.(png|jpg|webp)$")
_UPLOAD = re.compile(r"^/u/([0-9a-f-]{36})\.(png|jpg)$")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Address:
    """What the path of an image says."""

    generation: UUID
    number: int


def path(generation: UUID, number: int, mime: str) -> str:
    """The one path of an image; another spelling of the same is none."""
    return f"/i/{generation}/{number}.{EXTENSIONS[mime]}"


def url(generation: UUID, number: int, mime: str, epoch: int) -> str:
    """The absolute link."""
    token = signing.token("image", generation, number, epoch)
    return f"{settings.EASEL.url}{path(generation, number, mime)}?t={token}"


def local(url: str) -> str:
    """One of our links as our own pages write it: by its path, under whatever name they were opened."""
    return url.removeprefix(settings.EASEL.url)


def parse(path: str) -> Address | None:
    """The image that a path names, or None."""
    found = _PATH.match(path)
    try:
        return Address(UUID(found[1]), int(found[2])) if found else None
    except ValueError:
        return None


def opens(token: str, address: Address, epoch: int) -> bool:
    """Whether the token was made for this image in this epoch."""
    return signing.verify(token, "image", address.generation, address.number, epoch)


# ---- uploads ---------------------------------------------------------------------------------


def upload_path(upload: UUID, extension: str) -> str:
    """The one path of an upload; another spelling of the same is none."""
    return f"/u/{upload}.{extension}"


def upload_url(upload: UUID, extension: str, epoch: int) -> str:
    """The absolute link to an upload."""
    token = signing.token("upload", upload, epoch)
    return f"{settings.EASEL.url}{upload_path(upload, extension)}?t={token}"


def put_url(upload: UUID, extension: str) -> str:
    """Where the bytes of a promised upload are PUT. Its token reads nothing."""
    return f"{settings.EASEL.url}{upload_path(upload, extension)}?put={signing.token('put', upload)}"


def parse_upload(path: str) -> UUID | None:
    """The upload that a path names, or None."""
    found = _UPLOAD.match(path)
    try:
        return UUID(found[1]) if found else None
    except ValueError:
        return None


def opens_upload(token: str, upload: UUID, epoch: int) -> bool:
    """Whether the token was made for reading this upload in this epoch."""
    return signing.verify(token, "upload", upload, epoch)


def admits(token: str, upload: UUID) -> bool:
    """Whether the token was made for putting the bytes of this upload."""
    return signing.verify(token, "put", upload)


# ---- our own links, as customers hand them back ------------------------------------------------


@dataclass(frozen=True, slots=True)
class Own:
    """A URL of this installation that looks like one of its links."""

    path: str
    token: str


def own(text: str) -> Own | None:
    """What a URL names if it is one of ours, under our own or a door's host name; scheme and port are
    not looked at, since it is never fetched. None for a stranger's."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port or 0
    except ValueError:
        return None
    if not parts.path.startswith(("/i/", "/u/")) or (host, port) in settings.EASEL.test_egress:
        return None
    if parts.scheme not in ("http", "https") or host.removesuffix(".") not in _own_hosts():
        return None
    return Own(parts.path, parse_qs(parts.query).get("t", [""])[-1])


def _own_hosts() -> frozenset[str]:
    """This machine has several names when it is where we are."""
    ours = urlsplit(settings.EASEL.url).hostname or ""
    doors = {host.partition(":")[0] for host in settings.EASEL.door_hosts}
    return frozenset({ours, *doors}) | (_LOOPBACK if ours in _LOOPBACK else frozenset())
