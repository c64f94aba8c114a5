"""The one address of an image: `/i/<generation>/<n>.<extension>?t=<token>`.

Deterministic, so that every rendering of a generation is byte-equal; raising an output's epoch
makes every link made before worthless.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from runtime import signing

EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
_PATH = re.compile(r"^/i/([0-9a-f-]{36})/(\d{1,2})\.(png|jpg|webp)$")


@dataclass(frozen=True, slots=True)
class Address:
    """What the path of an image says."""

    generation: UUID
    number: int


def url(generation: UUID, number: int, mime: str, epoch: int) -> str:
    """The absolute link."""
    token = signing.token("image", generation, number, epoch)
    return f"{settings.EASEL.url}/i/{generation}/{number}.{EXTENSIONS[mime]}?t={token}"


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
