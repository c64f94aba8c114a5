"""Google's JSON: an object whose keys may be written in camelCase or snake_case, each by itself.

Paths in errors are camelCase, as the documentation has them: `generationConfig.imageConfig`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from typing import Any

import pybase64

from generations.errors import Problem
from generations.spec import Kind
from generations.wording import clip, type_name

INT32 = 2**31
FLOAT32 = 3.4e38
_URL_SAFE = str.maketrans("-_", "+/")


def bad(path: str, message: str) -> Problem:
    """A 400 about the field at `path`."""
    return Problem(Kind.BAD_REQUEST, message, param=path or None)


def wrong(path: str, kind: str, value: Any, expected: str = "") -> Problem:
    """A 400 about a value that the field's type does not allow, in Google's phrase; `expected` goes
    after it."""
    if isinstance(value, str):
        shown = f'"{clip(value)}"'
    else:
        shown = type_name(value) if isinstance(value, dict | list) else clip(str(value).lower())
    return bad(path, f"Invalid value at '{path}' ({kind}), {shown}" + (f"; {expected}" if expected else ""))


@cache
def snake(name: str) -> str:
    """A field's other spelling. Takes names of this package only, never a client's."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found[1].lower(), name)


class Message:
    """One JSON object at `path` of the request. Fields are asked for in camelCase.

    Each reader gives the value, or None for a field that is absent or null, and raises
    Problem(BAD_REQUEST) naming the field. Fields that nobody asks for are ignored.
    """

    def __init__(self, value: Any, path: str = "") -> None:
        if not isinstance(value, dict):
            raise wrong(path, "TYPE_MESSAGE", value)
        self._value, self.path = value, path

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def get(self, name: str) -> Any:
        """The value in either spelling, as it is."""
        value, other = self._value.get(name), snake(name)
        if other == name or (also := self._value.get(other)) is None:
            return value
        if value is not None:
            raise bad(self.at(name), f"'{self.at(name)}' is given in camelCase and in snake_case; send one.")
        return also

    def message(self, name: str) -> Message:
        """The object of that name; an empty one if it is absent."""
        value = self.get(name)
        return Message({} if value is None else value, self.at(name))

    def items(self, name: str) -> list[tuple[Any, str]]:
        """A repeated field's values with their paths. One thing is read as a list of one."""
        value = self.get(name)
        values = [] if value is None else value if isinstance(value, list) else [value]
        return [(item, f"{self.at(name)}[{number}]") for number, item in enumerate(values)]

    def messages(self, name: str) -> list[Message]:
        return [Message(item, path) for item, path in self.items(name)]

    def text(self, name: str) -> str | None:
        value = self.get(name)
        return None if value is None else string(value, self.at(name))

    def flag(self, name: str) -> bool | None:
        value = self.get(name)
        if value is None or isinstance(value, bool):
            return value
        raise wrong(self.at(name), "TYPE_BOOL", value)

    def number(self, name: str) -> float | None:
        value = self.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > FLOAT32:
            raise wrong(self.at(name), "TYPE_FLOAT", value)
        return float(value)

    def integer(self, name: str) -> int | None:
        """A 32-bit integer, which may be written as `5.0`."""
        value = self.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or value % 1:
            raise wrong(self.at(name), "TYPE_INT32", value)
        if not -INT32 <= value < INT32:
            raise wrong(self.at(name), "TYPE_INT32", value)
        return int(value)

    def word(self, name: str, words: Collection[str]) -> str | None:
        """One of the words, which are upper case; the value may be in any case."""
        value = self.get(name)
        return None if value is None else enum(value, words, self.at(name))

    def base64(self, name: str) -> bytes | None:
        """Bytes in standard or URL-safe base64, with or without padding."""
        value = self.get(name)
        return None if value is None else decoded(string(value, self.at(name)), self.at(name))


def string(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise wrong(path, "TYPE_STRING", value)
    return value


def enum(value: Any, words: Collection[str], path: str) -> str:
    """The word in upper case. Raises Problem(BAD_REQUEST) naming those that are known."""
    word = value.upper() if isinstance(value, str) else ""
    if word in words:
        return word
    raise wrong(path, "TYPE_ENUM", value, f"expected one of {', '.join(words)}")


def decoded(text: str, path: str) -> bytes:
    """The bytes of a base64 text. Raises Problem(BAD_REQUEST)."""
    if "-" in text or "_" in text:
        text = text.translate(_URL_SAFE)
    try:
        return pybase64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:  # its own error, and what is not ASCII
        shown = clip(text, 20)
        raise bad(
            path, f"Invalid value at '{path}' (TYPE_BYTES), Base64 decoding failed for \"{shown}\""
        ) from None
