"""The form of an API key, and what of it is stored.

    easel_live_K7c2QmZp9a 5dV0…(32 letters) 1hX2bQ
    prefix     public id  secret            CRC-32 of all before it

A typo is told from a key by arithmetic alone. The database holds the public id, the last four
letters and HMAC-SHA256 of the whole key under a pepper that lives outside it: with 190 random
bits in the secret a slow hash would add nothing but load.
"""

from __future__ import annotations

import hmac
import re
import zlib
from hashlib import sha256
from typing import NamedTuple

from django.conf import settings

from accounts.errors import AuthError, AuthReason
from runtime.ids import BASE62, word

PUBLIC_LETTERS = 10
SECRET_LETTERS = 32
CHECK_LETTERS = 6
PATTERN = r"easel_(?:live|test)_[0-9A-Za-z]{48}"

_WHOLE = re.compile(PATTERN, re.ASCII)


class Minted(NamedTuple):
    """A new key. `plain` is shown once and stored nowhere."""

    plain: str
    public_id: str
    last_four: str
    digest: bytes
    pepper: int

    def __repr__(self) -> str:
        """Without the secret, wherever it may be printed."""
        return f"Minted({self.public_id}…{self.last_four})"


def mint(mode: str, *, public_id: str = "") -> Minted:
    """A new key of this mode (`live` or `test`). A rotated key keeps its `public_id`."""
    public_id = public_id or word(PUBLIC_LETTERS)
    body = f"easel_{mode}_{public_id}{word(SECRET_LETTERS)}"
    plain = body + _check(body)
    pepper = _peppers()[0]
    return Minted(plain, public_id, plain[-4:], _digest(plain, pepper), _number(pepper))


def well_formed(text: str) -> bool:
    """Whether this has the form and the checksum of a key. Asks no database."""
    return bool(_WHOLE.fullmatch(text)) and _check(text[:-CHECK_LETTERS]) == text[-CHECK_LETTERS:]


def require_well_formed(presented: str) -> None:
    """Raises AuthError `missing` for no key and `invalid` for what cannot be one."""
    if not presented:
        raise AuthError(AuthReason.MISSING, "No API key was sent. Send one of yours with the request.")
    if not well_formed(presented):
        raise invalid()


def invalid() -> AuthError:
    """The same words for a typo and for a key that does not exist."""
    return AuthError(AuthReason.INVALID, "This API key is not valid. Check that it was copied completely.")


def digests(plain: str) -> list[tuple[bytes, int]]:
    """The digests under which this key may be stored, with their pepper's number, newest first."""
    return [(_digest(plain, pepper), _number(pepper)) for pepper in _peppers()]


def _peppers() -> tuple[bytes, ...]:
    """Newest first: the first one makes digests, all of them are tried."""
    return settings.EASEL.key_peppers


def _digest(plain: str, pepper: bytes) -> bytes:
    return hmac.new(pepper, plain.encode(), sha256).digest()


def _number(pepper: bytes) -> int:
    """A name for a pepper that stays when others come and go, and says nothing about it."""
    return int.from_bytes(hmac.new(pepper, b"the number of this pepper", sha256).digest()[:2]) & 0x7FFF


def _check(body: str) -> str:
    """The CRC-32 of the text in six base 62 letters, highest first."""
    value, letters = zlib.crc32(body.encode()), ""
    for _ in range(CHECK_LETTERS):
        value, digit = divmod(value, 62)
        letters = BASE62[digit] + letters
    return letters
