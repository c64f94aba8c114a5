"""Cursors: where a list goes on. Opaque, signed, and bound to what was asked.

A cursor that was forged, or made for another organization, list or filter, reads as no cursor at all.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from runtime import signing
from runtime.errors import RuntimeProblem

LONGEST = 1000


class CursorProblem(RuntimeProblem):
    """Not a cursor of ours, or one of another list."""


def write(position: Sequence[Any], *bound: object) -> str:
    """A URL-safe token for a position (JSON values). `bound` names the list: organization, filters."""
    text = json.dumps(list(position), separators=(",", ":"), default=str)
    return f"{_packed(text)}.{signing.token('cursor', text, *bound)}"


def read(cursor: str, *bound: object) -> list[Any]:
    """The position that `write` took. Raises CursorProblem."""
    packed, _, token = cursor.partition(".")
    try:
        text = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)).decode()
    except ValueError:
        raise CursorProblem("malformed") from None
    if len(cursor) > LONGEST or _packed(text) != packed or not signing.verify(token, "cursor", text, *bound):
        raise CursorProblem("not ours")
    position: list[Any] = json.loads(text)
    return position


def _packed(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
