"""`payload.contents`: a conversation in Gemini's Content objects, in camelCase or snake_case.

read_contents(value)    the conversation as it was sent, without what is empty
turns_of(said, carried) the neutral turns, with those of its pictures that go along
shown_contents(said)    the same as JSON, for the record of the request
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generations.dialects.gmi.fields import bad, either, text
from generations.spec import Picture, Text, Turn
from generations.wording import type_name

PATH = "payload.contents"
ROLES = ("user", "model")
FORMS = {"text", "fileData", "file_data", "inlineData", "inline_data"}
STANDARD = str.maketrans("-_", "+/")


@dataclass(frozen=True, slots=True)
class Reference:
    """A picture that a field names or holds; `path` is its place in the request, for messages."""

    path: str
    uri: str = ""
    data: str = ""
    mime: str = ""
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """One turn as it was sent."""

    role: str
    parts: tuple[Text | Reference, ...]


def read_contents(value: Any) -> tuple[Said, ...]:
    """The conversation. Empty parts are dropped, then empty turns; the last one left must be the
    user's. Raises Problem(BAD_REQUEST) with the path of what is wrong."""
    if not isinstance(value, list):
        raise bad(PATH, f"must be an array, got {type_name(value)}")
    sent = [_turn(item, f"{PATH}[{index}]") for index, item in enumerate(value)]
    turns = tuple(turn for turn in sent if turn.parts)
    if not turns or turns[-1].role != "user":
        raise bad(PATH, "must end with a turn of the user that says something")
    return turns


def turns_of(said: tuple[Said, ...], carried: Sequence[Reference]) -> tuple[Turn, ...]:
    """The neutral turns; a picture is the place of its reference among the `carried`. What is not
    among them is left out, and so is a turn that showed nothing else."""
    places = {reference.path: place for place, reference in enumerate(carried)}
    turns = (Turn(turn.role, tuple(_neutral(turn.parts, places))) for turn in said)
    return tuple(turn for turn in turns if turn.parts)


def _neutral(parts: tuple[Text | Reference, ...], places: Mapping[str, int]) -> Iterator[Text | Picture]:
    for part in parts:
        if isinstance(part, Text):
            yield part
        elif part.path in places:
            yield Picture(places[part.path], signature=part.signature)


def shown_contents(said: tuple[Said, ...]) -> list[dict[str, Any]]:
    """The conversation in the vendor's spelling; pictures that came inside it only by their type."""
    return [{"role": turn.role, "parts": [_shown(part) for part in turn.parts]} for turn in said]


def _shown(part: Text | Reference) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"text": part.text}
    if part.uri[:5].lower() == "data:":
        return {"fileData": {"fileUri": part.uri.partition(",")[0], "mimeType": part.mime}}
    if part.uri:
        return {"fileData": {"fileUri": part.uri, "mimeType": part.mime}}
    return {"inlineData": {"mimeType": part.mime}}


def _turn(item: Any, path: str) -> Said:
    if not isinstance(item, dict):
        raise bad(path, f"must be an object, got {type_name(item)}")
    role = text(item.get("role"), f"{path}.role") or "user"
    if role not in ROLES:
        raise bad(f"{path}.role", "must be user or model")
    parts = item.get("parts")
    if parts is None:
        parts = []
    if not isinstance(parts, list):
        raise bad(f"{path}.parts", f"must be an array, got {type_name(parts)}")
    return Said(role, tuple(_parts(parts, f"{path}.parts")))


def _parts(parts: list[Any], path: str) -> Iterator[Text | Reference]:
    for index, item in enumerate(parts):
        yield from _part(item, f"{path}[{index}]")


def _part(item: Any, path: str) -> Iterator[Text | Reference]:
    """What a part holds: nothing, if all it has is empty."""
    if not isinstance(item, dict):
        raise bad(path, f"must be an object, got {type_name(item)}")
    if item and not FORMS & item.keys():
        raise bad(path, "must hold text, fileData or inlineData")
    signature = _signature(either(item, "thoughtSignature", "thought_signature"), path)
    words = text(item.get("text"), f"{path}.text") or ""
    if words.strip() or (signature and item.get("text") is not None):
        yield Text(words, thought=item.get("thought") is True, signature=signature)
    yield from _file(either(item, "fileData", "file_data"), f"{path}.fileData", signature)
    yield from _inline(either(item, "inlineData", "inline_data"), f"{path}.inlineData", signature)


def _file(value: Any, path: str, signature: str | None) -> Iterator[Reference]:
    if members := _members(value, path):
        uri = text(either(members, "fileUri", "file_uri"), f"{path}.fileUri") or ""
        if uri.strip():
            yield Reference(path, uri=uri.strip(), mime=_mime(members, path), signature=signature)


def _inline(value: Any, path: str, signature: str | None) -> Iterator[Reference]:
    if members := _members(value, path):
        data = text(members.get("data"), f"{path}.data") or ""
        if data:
            yield Reference(path, data=data, mime=_mime(members, path), signature=signature)


def _members(value: Any, path: str) -> Mapping[str, Any]:
    if value is None or isinstance(value, dict):
        return value or {}
    raise bad(path, f"must be an object, got {type_name(value)}")


def _mime(members: Mapping[str, Any], path: str) -> str:
    return text(either(members, "mimeType", "mime_type"), f"{path}.mimeType") or ""


def _signature(value: Any, path: str) -> str | None:
    """The signature in standard base64, from either alphabet."""
    signature = (text(value, f"{path}.thoughtSignature") or "").rstrip("=")
    if not signature:
        return None
    try:
        padded = signature.translate(STANDARD) + "=" * (-len(signature) % 4)
        return base64.b64encode(base64.b64decode(padded, validate=True)).decode()
    except ValueError:
        raise bad(f"{path}.thoughtSignature", "must be base64") from None
