"""Reads a JSON object field by field and collects what is wrong, in the phrases clients know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from generations.errors import Problem
from generations.spec import Kind
from generations.wording import clip, is_integer, type_name


class Fields:
    """One request body. Each reader gives the value or None; `check` raises once for all issues.

    A null is an absent field, except where one is required. Unknown fields are never looked at.
    """

    def __init__(self, body: Any) -> None:
        self.issues: list[tuple[str, str]] = []
        self.body: dict[str, Any] = body if isinstance(body, dict) else {}
        if not isinstance(body, dict):
            self.refuse("body", f"Expected object, received {type_name(body)}")
            self.check()

    def refuse(self, name: str, issue: str) -> None:
        self.issues.append((name, issue))

    def check(self) -> None:
        """Raises Problem(BAD_REQUEST) naming every field that was refused, `param` the first."""
        if self.issues:
            listing = ", ".join(f"{name}: {issue}" for name, issue in self.issues)
            message = f"Invalid request parameters: {listing}"
            raise Problem(Kind.BAD_REQUEST, message, param=self.issues[0][0])

    def text(self, name: str) -> str | None:
        value = self.body.get(name)
        if value is None or isinstance(value, str):
            return value
        self.refuse(name, f"Expected string, received {type_name(value)}")
        return None

    def required_text(self, name: str) -> str:
        if self.body.get(name) is None:
            self.refuse(name, "Required")
            return ""
        value = self.text(name)
        if value is not None and not value.strip():
            self.refuse(name, "String must contain at least 1 character(s)")
        return value or ""

    def longest(self, name: str, value: str, characters: int) -> None:
        if len(value) > characters:
            self.refuse(name, f"String must contain at most {characters} character(s)")

    def integer(self, name: str, low: int, high: int) -> int | None:
        value = self.body.get(name)
        if value is None:
            return None
        if isinstance(value, float):
            self.refuse(name, "Expected integer, received float")
        elif not is_integer(value):
            self.refuse(name, f"Expected number, received {type_name(value)}")
        elif value < low:
            self.refuse(name, f"Number must be greater than or equal to {low}")
        elif value > high:
            self.refuse(name, f"Number must be less than or equal to {high}")
        else:
            return int(value)
        return None

    def flag(self, name: str) -> bool:
        value = self.body.get(name)
        if value is None or isinstance(value, bool):
            return bool(value)
        self.refuse(name, f"Expected boolean, received {type_name(value)}")
        return False

    def word(self, name: str, words: Sequence[str]) -> str | None:
        """One of the words; `auto` is one only where `words` has it, and then means None."""
        value = self.body.get(name)
        if value is None:
            return None
        if value not in words:
            expected = " | ".join(f"'{word}'" for word in words)
            self.refuse(name, _enum_issue(expected, value))
            return None
        return None if value == "auto" else str(value)


def _enum_issue(expected: str, value: Any) -> str:
    if isinstance(value, str):
        return f"Invalid enum value. Expected {expected}, received '{clip(value)}'"
    return f"Expected {expected}, received {type_name(value)}"
