"""Reading an EvoLink request: a JSON object, its strings, the numbers of a query."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from generations.dialect import Incoming, read_json
from generations.errors import Problem
from generations.spec import Kind


def json_object(request: Incoming) -> dict[str, Any]:
    """The body as a JSON object. Raises Problem(UNSUPPORTED_MEDIA, BAD_REQUEST)."""
    if request.media_type not in ("application/json", ""):
        raise Problem(Kind.UNSUPPORTED_MEDIA, "Content-Type must be application/json")
    body = read_json(request)
    if not isinstance(body, dict):
        raise Problem(Kind.BAD_REQUEST, "The request body must be a JSON object")
    return body


def text(body: Mapping[str, Any], name: str) -> str | None:
    """A string, None where it is missing or null. Raises Problem(BAD_REQUEST)."""
    value = body.get(name)
    if value is None or isinstance(value, str):
        return value
    raise bad(name, f"{name} must be a string")


def required(body: Mapping[str, Any], name: str) -> str:
    """A string that must be there and hold something. Raises Problem(BAD_REQUEST)."""
    value = text(body, name)
    if value is None:
        raise bad(name, f"{name} is required")
    if not value.strip():
        raise bad(name, f"{name} must not be empty")
    return value


def bad(param: str, message: str) -> Problem:
    return Problem(Kind.BAD_REQUEST, message, param=param)
