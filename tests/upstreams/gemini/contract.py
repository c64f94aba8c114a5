"""Google's reading of a `generateContent` request: proto-JSON, as strict as the real one.

`check(body)` gives the request with every key in snake_case, or raises `Invalid` with Google's
wording: unknown fields, wrong types and unknown enum words are refused; camelCase and snake_case
are both read, even in one object; bytes are standard or URL-safe base64.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

API = "type.googleapis.com/google.ai.generativelanguage.v1beta"
HARM = "HARM_CATEGORY_"


class Invalid(Exception):
    """A request that Google answers with 400 INVALID_ARGUMENT. `violations` are (field, sentence)."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message, self.field = message, field


@dataclass(frozen=True)
class Enum:
    name: str
    words: frozenset[str]
    any_case: bool = False


@dataclass(frozen=True)
class Many:
    """A repeated field."""

    of: Any


def enum(name: str, words: str, *, any_case: bool = False) -> Enum:
    return Enum(name, frozenset(words.split()), any_case)


MODALITY = enum("GenerationConfig.Modality", "MODALITY_UNSPECIFIED TEXT IMAGE AUDIO", any_case=True)
CATEGORY = enum(
    "HarmCategory",
    f"{HARM}UNSPECIFIED {HARM}HARASSMENT {HARM}HATE_SPEECH {HARM}SEXUALLY_EXPLICIT "
    f"{HARM}DANGEROUS_CONTENT {HARM}CIVIC_INTEGRITY",
)
THRESHOLD = enum(
    "SafetySetting.HarmBlockThreshold",
    "HARM_BLOCK_THRESHOLD_UNSPECIFIED BLOCK_LOW_AND_ABOVE BLOCK_MEDIUM_AND_ABOVE BLOCK_ONLY_HIGH BLOCK_NONE "
    "OFF",
)
LEVEL = enum("ThinkingConfig.ThinkingLevel", "THINKING_LEVEL_UNSPECIFIED MINIMAL LOW MEDIUM HIGH")

PART = {
    "text": "string",
    "inline_data": {"mime_type": "string", "data": "bytes"},
    "file_data": {"mime_type": "string", "file_uri": "string"},
    "function_call": "any",
    "function_response": "any",
    "thought": "bool",
    "thought_signature": "bytes",
}
PART_DATA = ("text", "inline_data", "file_data", "function_call", "function_response")
CONTENT = {"role": "string", "parts": Many(PART)}
REQUEST = {
    "model": "string",
    "contents": Many(CONTENT),
    "system_instruction": CONTENT,
    "generation_config": {
        "response_modalities": Many(MODALITY),
        "image_config": {"aspect_ratio": "string", "image_size": "string"},
        "candidate_count": "int32",
        "stop_sequences": Many("string"),
        "max_output_tokens": "int32",
        "temperature": "float",
        "top_p": "float",
        "top_k": "int32",
        "seed": "int32",
        "presence_penalty": "float",
        "frequency_penalty": "float",
        "response_mime_type": "string",
        "response_schema": "any",
        "thinking_config": {"include_thoughts": "bool", "thinking_budget": "int32", "thinking_level": LEVEL},
    },
    "safety_settings": Many({"category": CATEGORY, "threshold": THRESHOLD}),
    "tools": "any",
    "tool_config": "any",
    "cached_content": "string",
}


def check(body: Any) -> dict[str, Any]:
    """The request in snake_case. Raises Invalid."""
    if not isinstance(body, dict):
        raise Invalid("Invalid JSON payload received. Expected an object.")
    request: dict[str, Any] = _read(REQUEST, body, "")
    _check_contents(request)
    count = request.get("generation_config", {}).get("candidate_count", 1)
    if count > 1:
        raise Invalid("Multiple candidates is not enabled for this model")
    if count < 1:
        raise Invalid("* GenerateContentRequest.generation_config.candidate_count: must be positive")
    return request


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda m: "_" + m[1].lower(), name)


def _read(kind: Any, value: Any, path: str) -> Any:
    if isinstance(kind, dict):
        return _message(kind, value, path)
    if isinstance(kind, Many):
        return _list(kind, value, path)
    if isinstance(kind, Enum):
        return _word(kind, value, path)
    return SCALARS[kind](value, path)


def _message(fields: Mapping[str, Any], value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(path, "TYPE_MESSAGE", value)
    read = {}
    for name, item in value.items():
        field = snake(name)
        if field not in fields or field in read:
            where = f" at '{path}'" if path else ""
            text = f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.'
            raise Invalid(text, path)
        if item is not None:
            read[field] = _read(fields[field], item, f"{path}.{field}" if path else field)
    return read


def _list(kind: Many, value: Any, path: str) -> list[Any]:
    items = value if isinstance(value, list) else [value]  # Google reads one thing as a list of one
    return [_read(kind.of, item, f"{path}[{n}]") for n, item in enumerate(items)]


def _word(kind: Enum, value: Any, path: str) -> str:
    word = value.upper() if kind.any_case and isinstance(value, str) else value
    if word not in kind.words:
        raise _wrong(path, f"{API}.{kind.name}", value)
    return str(word)


def _wrong(path: str, kind: str, value: Any) -> Invalid:
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    return Invalid(f"Invalid value at '{path}' ({kind}), {shown}", path)


def _string(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise _wrong(path, "TYPE_STRING", value)
    return value


def _bool(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(path, "TYPE_BOOL", value)
    return value


def _float(value: Any, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(path, "TYPE_FLOAT", value)
    return float(value)


def _int(value: Any, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise _wrong(path, "TYPE_INT32", value)
    if not -(2**31) <= value < 2**31:
        raise _wrong(path, "TYPE_INT32", value)
    return int(value)


def _bytes(value: Any, path: str) -> bytes:
    text = _string(value, path).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        text = f"Invalid value at '{path}' (TYPE_BYTES), Base64 decoding failed for \"{value[:40]}\""
        raise Invalid(text, path) from None


SCALARS: dict[str, Callable[[Any, str], Any]] = {
    "string": _string,
    "bool": _bool,
    "float": _float,
    "int32": _int,
    "bytes": _bytes,
    "any": lambda value, path: value,
}


def _check_contents(request: Mapping[str, Any]) -> None:
    if not request.get("contents"):
        raise Invalid("* GenerateContentRequest.contents: contents is not specified\n")
    for n, content in enumerate(request["contents"]):
        if content.get("role", "user") not in ("user", "model"):
            raise Invalid("Please use a valid role: user, model.")
        if not content.get("parts"):
            raise Invalid(
                f"* GenerateContentRequest.contents[{n}].parts: contents.parts must not be empty.\n"
            )
        for m, part in enumerate(content["parts"]):
            _check_part(part, f"contents[{n}].parts[{m}]")


def _check_part(part: Mapping[str, Any], path: str) -> None:
    if sum(name in part for name in PART_DATA) != 1:
        text = "required oneof field 'data' must have one initialized field"
        raise Invalid(f"* GenerateContentRequest.{path}.data: {text}\n", path)
    if "inline_data" in part and not part["inline_data"].get("mime_type"):
        raise Invalid("Unable to determine mime type of inline data.", path)
