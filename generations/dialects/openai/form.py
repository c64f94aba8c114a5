"""The text parts of a form, as the JSON object they stand for."""

from __future__ import annotations

import re
from typing import Any

from generations.errors import Problem
from generations.multipart import Form
from generations.spec import Kind

INTEGERS = ("n", "output_compression", "partial_images")
FLAGS = ("stream",)
INTEGER = re.compile(r"[+-]?[0-9]{1,9}")
BOOLEANS = {"true": True, "false": False}


def read_form(form: Form) -> dict[str, Any]:
    """The fields of the form, numbers and booleans as such; what is neither stays a text, for its
    reader to refuse. An empty part is one that was left out. Raises Problem(BAD_REQUEST) for a field
    that is sent twice."""
    body: dict[str, Any] = {}
    for name, text in form.fields:
        if name in body:
            message = f"Invalid request parameters: {name}: Sent more than once"
            raise Problem(Kind.BAD_REQUEST, message, param=name)
        if text:
            body[name] = _value(name, text)
    return body


def _value(name: str, text: str) -> Any:
    if name in INTEGERS and INTEGER.fullmatch(text.strip()):
        return int(text)
    if name in FLAGS:
        return BOOLEANS.get(text.strip().lower(), text)
    return text
