"""Identifiers: time-ordered UUIDs and short random words.

PostgreSQL has `uuidv7()` only from version 18, and we support 15: ids are made here.
"""

from __future__ import annotations

import secrets
import time
from uuid import UUID

BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def uuid7(milliseconds: int | None = None) -> UUID:
    """A version 7 UUID: 48 bits of Unix milliseconds (now, if none are given), then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000 if milliseconds is None else milliseconds
    random = secrets.randbits(74)
    high, low = random >> 62, random & ((1 << 62) - 1)
    return UUID(int=(milliseconds << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low)


def seconds_of(identifier: UUID) -> int:
    """The Unix second in which a version 7 UUID was made."""
    return int((identifier.int >> 80) // 1000)


def first_id(second: float) -> UUID:
    """The least version 7 UUID of this Unix time: rows by id are rows by time."""
    return UUID(int=int(second * 1000) << 80)


def word(length: int, alphabet: str = BASE62) -> str:
    """A random word of `length` letters of `alphabet`."""
    # One draw for all letters: each draw lets go of the interpreter's lock, and has to queue for it again.
    # 64 bits more than are needed leave no letter likelier than another by more than 2**-64.
    left = secrets.randbits(64 + length * len(alphabet).bit_length())
    letters = []
    for _ in range(length):
        left, place = divmod(left, len(alphabet))
        letters.append(alphabet[place])
    return "".join(letters)
