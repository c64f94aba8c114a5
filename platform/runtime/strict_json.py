"""JSON as a strict reader takes it, in bounded time: what Python's own would let pass is refused."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import chain
from typing import Any

MAX_DEPTH = 32
MAX_SEPARATORS = 100_000  # far above any honest request, and few enough to parse in no time
TOO_DEEP = f"The JSON is nested deeper than {MAX_DEPTH} levels."


class Refused(ValueError):
    """JSON that we do not take. Its message is a sentence."""


class NotJson(Refused):
    """A text that is not JSON at all."""


def loads(data: bytes) -> Any:
    """The value. Raises NotJson, also for bad UTF-8; Refused for NaN and infinities, duplicate keys, more
    than 32 levels of arrays and objects, more than 100,000 members, integers of thousands of digits, lone
    surrogates, NUL."""
    if data.count(b",") + data.count(b":") > MAX_SEPARATORS:
        raise Refused("The JSON has too many members.")
    try:
        value = json.loads(
            # Decoded here, because json.loads would guess UTF-16 and let broken surrogates pass.
            data.decode("utf-8"),
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique,
            parse_float=_finite,
        )
    except RecursionError:
        raise Refused(TOO_DEEP) from None
    except Refused:
        raise
    except ValueError:
        raise NotJson("The body is not valid JSON.") from None
    _check(value)
    return value


def _refuse_constant(word: str) -> Any:
    raise Refused(f"{word} is not valid JSON.")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise Refused(f"The number {text[:20]} is out of range.")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refused("A key occurs twice in the same JSON object.")
    return found


def _check(value: Any) -> None:
    """Walks the value without recursion: its depth and every string in it, keys included."""
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, dict | list):
            if depth > MAX_DEPTH:
                raise Refused(TOO_DEEP)
            waiting.extend((child, depth + 1) for child in _children(item))


def _children(item: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return chain(item.keys(), item.values()) if isinstance(item, dict) else item


def _check_text(text: str) -> None:
    """PostgreSQL stores neither NUL nor lone surrogates: refuse them here, in a sentence."""
    try:
        storable = "\x00" not in text and text.encode() is not None
    except UnicodeEncodeError:
        storable = False
    if not storable:
        raise Refused("A string holds a character that cannot be stored.")
