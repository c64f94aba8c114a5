"""A file of orders, read and looked at line by line: all of it is right, or nothing is taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from accounts import admission
from accounts.admission import Caller
from accounts.errors import AuthError
from generations.actions.batches import Line
from generations.batches import scribe
from generations.batches.scribe import NeedsPictures, Reviewer
from generations.dialects import DIALECTS
from generations.errors import Problem
from runtime import strict_json

MOST_LINES: Final = 1000
MOST_WRONG: Final = 100
MEMBERS: Final = frozenset({"custom_id", "dialect", "path", "body"})
LONGEST_ID, LONGEST_PATH = 100, 300


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a line."""

    line: int
    field: str
    message: str
    code: str = "invalid"


class WrongFile(Exception):
    """A file that is not taken: the first hundred things wrong with it."""

    def __init__(self, wrong: list[Wrong]) -> None:
        super().__init__(wrong[0].message)
        self.wrong = wrong


async def read(data: bytes, caller: Caller, dialect: str = "") -> list[Line]:
    """The lines of a file, each read as its door would read it; lines without a `dialect` are of the
    one given. Empty lines count for nothing. Raises WrongFile."""
    wrong: list[Wrong] = []
    lines: list[Line] = []
    for number, raw in _raw(data):
        try:
            lines.append(await _line(number, raw, caller, dialect))
        except _Wrong as problem:
            wrong.append(problem.wrong)
        if len(wrong) == MOST_WRONG:
            break
    wrong += _doubled(lines)
    if wrong or not lines:
        raise WrongFile(wrong[:MOST_WRONG] or [Wrong(0, "", "The file holds no order.")])
    return lines


class _Wrong(Exception):
    def __init__(self, line: int, field: str, message: str, code: str = "invalid") -> None:
        super().__init__(message)
        self.wrong = Wrong(line, field, message, code)


def _raw(data: bytes) -> Iterator[tuple[int, bytes]]:
    lines = [(number, line) for number, line in enumerate(data.splitlines(), 1) if line.strip()]
    if len(lines) > MOST_LINES:
        raise WrongFile([Wrong(lines[MOST_LINES][0], "", f"A batch has at most {MOST_LINES:,} orders.")])
    yield from lines


async def _line(number: int, raw: bytes, caller: Caller, dialect: str) -> Line:
    line = _members(number, _json(number, raw), dialect)
    if line.dialect and line.dialect not in DIALECTS:
        raise _Wrong(number, "dialect", f"Doors are: {', '.join(DIALECTS)}.")
    try:
        admission.require_door(caller, line.dialect)
        await scribe.write(scribe.desk(Reviewer, caller, line.dialect), line.dialect, line.path, line.body)
    except NeedsPictures:
        pass  # as far as it can be told now
    except AuthError as error:
        raise _Wrong(number, "dialect", error.message) from None
    except Problem as problem:
        raise _Wrong(number, f"body.{problem.param}" if problem.param else "body", problem.message) from None
    return line


def _json(number: int, raw: bytes) -> dict[str, Any]:
    try:
        found = strict_json.loads(raw)
    except strict_json.Refused as problem:
        raise _Wrong(number, "", str(problem)) from None
    if not isinstance(found, dict):
        raise _Wrong(number, "", "A line is a JSON object.")
    return found


def _members(number: int, found: Mapping[str, Any], dialect: str) -> Line:
    unknown = sorted(set(found) - MEMBERS)
    if unknown:
        raise _Wrong(number, unknown[0], "There is no such member of a line.", "unknown_parameter")
    custom_id = found.get("custom_id", f"line-{number}")
    if not isinstance(custom_id, str) or not 1 <= len(custom_id) <= LONGEST_ID:
        raise _Wrong(number, "custom_id", f"It must be a text of 1 to {LONGEST_ID} characters.")
    body, path, door = found.get("body"), found.get("path", ""), found.get("dialect", dialect)
    if not isinstance(body, dict):
        raise _Wrong(number, "body", "The body is the JSON object that the door would be sent.")
    if not isinstance(path, str) or len(path) > LONGEST_PATH or not isinstance(door, str):
        raise _Wrong(number, "path", f"Door and path are texts, the path of up to {LONGEST_PATH} characters.")
    return Line(number, custom_id, door, path, body)


def _doubled(lines: list[Line]) -> Iterator[Wrong]:
    seen: set[str] = set()
    for line in lines:
        if line.custom_id in seen:
            yield Wrong(line.number, "custom_id", f"{line.custom_id} is in the file twice.")
        seen.add(line.custom_id)
