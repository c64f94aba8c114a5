"""Small readers of one JSON object's fields. Each raises Problem(BAD_REQUEST) with the field's path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from generations.errors import Problem
from generations.spec import Kind
from generations.wording import clip, type_name


def bad(path: str, rule: str) -> Problem:
    """The refusal of a field: `payload.prompt must be a string`."""
    return Problem(Kind.BAD_REQUEST, f"{path} {rule}", param=path)


def text(value: Any, path: str) -> str | None:
    """The string, None for null."""
    if value is None or isinstance(value, str):
        return value
    raise bad(path, f"must be a string, got {type_name(value)}")


def word(value: Any, path: str, words: Sequence[str]) -> str | None:
    """One of the words, None for null."""
    if value is not None and value not in words:
        got = clip(value) if isinstance(value, str) else type_name(value)
        raise bad(path, f"must be one of {', '.join(words)}, got {got}")
    return None if value is None else str(value)


def number(value: Any, path: str, most: int) -> float | None:
    """A number from 0 to `most`, None for null."""
    if value is None:
        return None
    if type(value) not in (int, float) or not 0 <= value <= most:
        raise bad(path, f"must be a number from 0 to {most}")
    return float(value)


def either(item: Mapping[str, Any], camel: str, snake: str) -> Any:
    """The member in either spelling."""
    return item[camel] if item.get(camel) is not None else item.get(snake)
