"""What an engine returned: is it a whole image, is it worth anything, and where is it kept?

    verify(data)                     a complete file of its type, or BadImage
    judge(...)                       the ordered shape, and no input given back, or BadImage
    looks_plain(), refuse_plain()    more than one colour, or BadImage
    convert(), restore()             another file of the picture
    key(...)                         its place in storage

Good bytes are kept as they came.
"""

from __future__ import annotations

import secrets
from datetime import date
from uuid import UUID

from generations.outputs.files import EXTENSIONS, MIMES, BadImage, Flaw, Verified, verify
from generations.outputs.judging import judge, looks_plain, refuse_plain
from generations.outputs.making import convert, restore

__all__ = [
    "EXTENSIONS",
    "MIMES",
    "BadImage",
    "Flaw",
    "Verified",
    "convert",
    "judge",
    "key",
    "looks_plain",
    "refuse_plain",
    "restore",
    "verify",
]


def key(
    mode: str, day: date, organization: UUID, generation: UUID, attempt: int, number: int, extension: str
) -> str:
    """A storage key nobody can guess. The day in front lets old objects without a row be found."""
    name = f"{attempt}-{number}-{secrets.token_hex(16)}.{extension}"
    return f"{mode}/{day:%Y%m%d}/{organization}/{generation}/{name}"
