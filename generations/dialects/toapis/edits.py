"""`POST /v1/images/edits`: the same task as a form, whose `image` part is a URL as text.

Its other fields are those of `POST /v1/images/generations`, written as form text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from generations.dialect import Incoming, read_json
from generations.errors import Problem
from generations.multipart import Form, parse
from generations.spec import Kind

IMAGES = ("image", "image[]")
ANSWERED = (*IMAGES, "mask")


def read_edit(request: Incoming) -> tuple[dict[str, Any], list[str]]:
    """The fields as the JSON body would hold them, and the URLs of the images in their order. Raises
    Problem(UNSUPPORTED_MEDIA, BAD_REQUEST, TOO_LARGE)."""
    form = parse(request.headers.get("content-type", ""), request.body)
    _refuse_files(form)
    urls = [text.strip() for name, text in form.fields if name in IMAGES and text.strip()]
    if not urls:
        raise _bad("image", "image is required: the URL of an image to edit")
    return _fields(form, request), urls


def _refuse_files(form: Form) -> None:
    for file in form.files:
        name = "image" if file.name in IMAGES else file.name
        raise _bad(name, f"{name} must be a URL, not a file; upload it with POST /v1/uploads/images first")
    if any(name == "mask" for name, _ in form.fields):
        raise _bad("mask", "mask is not supported; say in the prompt what to change")


def _fields(form: Form, request: Incoming) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, text in form.fields:
        if name in ANSWERED:
            continue
        if name in found:
            raise _bad(name, f"{name} occurs twice in the form")
        found[name] = READERS.get(name, _as_it_is)(text, request)
    return found


def _as_it_is(text: str, request: Incoming) -> Any:
    return text or None


def _count(text: str, request: Incoming) -> Any:
    """`1` is the only number that is taken; whatever else it says is refused as it stands."""
    return 1 if text.strip() == "1" else text or None


def _object(text: str, request: Incoming) -> Any:
    """The JSON of a part, read as strictly as a body."""
    try:
        return read_json(replace(request, body=text.encode())) if text.strip() else None
    except Problem as problem:
        raise _bad("metadata", f"metadata: {problem.message}") from None


READERS: Mapping[str, Callable[[str, Incoming], Any]] = {"n": _count, "metadata": _object}


def _bad(param: str, message: str) -> Problem:
    return Problem(Kind.BAD_REQUEST, message, param=param)
