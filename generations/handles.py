"""The five doors' names for one generation.

    evolink   task-unified-<unix seconds>-<ticket>       the ticket is a column
    toapis    task_img_<24 letters>                      base 36 of the id's 122 free bits
    gmi       a UUID that claims to be version 4         the id with another version digit
    gemini    22 letters of URL-safe base64              the id
    openai    the id itself (also everywhere else)

All but the first are computed, both ways. Every polling door accepts every form.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from uuid import UUID

from runtime.ids import BASE36, seconds_of

TICKET_LENGTH = 8
_EVOLINK = re.compile(r"^task-unified-(\d{1,12})-([a-z0-9]{8})$")
_TOAPIS = re.compile(r"^task_img_([a-z0-9]{24})$")
_GEMINI = re.compile(r"^[A-Za-z0-9_-]{22}$")
_LOW = (1 << 62) - 1


@dataclass(frozen=True, slots=True)
class Handle:
    """What an id says: the generation's id, or the second and ticket of its EvoLink form."""

    id: UUID | None = None
    second: int = 0
    ticket: str = ""


def evolink(generation: UUID, ticket: str) -> str:
    return f"task-unified-{seconds_of(generation)}-{ticket}"


def toapis(generation: UUID) -> str:
    number, letters = _free_bits(generation), ""
    for _ in range(24):
        number, digit = divmod(number, 36)
        letters = BASE36[digit] + letters
    return f"task_img_{letters}"


def gmi(generation: UUID) -> str:
    return str(_with_version(generation, 4))


def gemini(generation: UUID) -> str:
    return base64.urlsafe_b64encode(generation.bytes).decode().rstrip("=")


def parse(handle: str) -> Handle | None:
    """What an id of any door says, or None if it has no known form."""
    if found := _EVOLINK.match(handle):
        return Handle(second=int(found[1]), ticket=found[2])
    if found := _TOAPIS.match(handle):
        number = int(found[1], 36)
        return Handle(id=_from_free_bits(number)) if number < 1 << 122 else None
    if _GEMINI.match(handle):
        return Handle(id=UUID(bytes=base64.urlsafe_b64decode(handle + "==")))
    try:
        return Handle(id=_with_version(UUID(handle), 7))
    except ValueError:
        return None


def _with_version(identifier: UUID, version: int) -> UUID:
    return UUID(int=identifier.int & ~(0xF << 76) | (version << 76))


def _free_bits(identifier: UUID) -> int:
    """The 122 bits of a UUID without its version and variant."""
    high, middle, low = identifier.int >> 80, (identifier.int >> 64) & 0xFFF, identifier.int & _LOW
    return (high << 74) | (middle << 62) | low


def _from_free_bits(number: int) -> UUID:
    high, middle, low = number >> 74, (number >> 62) & 0xFFF, number & _LOW
    return UUID(int=(high << 80) | (7 << 76) | (middle << 64) | (0b10 << 62) | low)
