"""`contents` and `systemInstruction`: who said what, with which pictures. Everything is checked here."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from generations.dialects.gemini.proto import Message, bad
from generations.spec import Offer, Text
from generations.wording import clip

MIMES = ("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif")
SCHEMES = ("https", "http", "gs")
DATA = ("text", "inlineData", "fileData")
OTHER_DATA = ("functionCall", "functionResponse", "executableCode", "codeExecutionResult")
ROLES = ("user", "model")


@dataclass(frozen=True, slots=True)
class Blob:
    """A picture within the request. `field` is where it stands, for errors about it."""

    mime: str
    data: bytes = field(repr=False)
    field: str
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A picture to be fetched; `mime` is what the client claims, empty if nothing."""

    uri: str
    mime: str
    field: str
    signature: str | None = None


Part = Text | Blob | File


@dataclass(frozen=True, slots=True)
class Said:
    """One turn of the conversation as it was sent."""

    role: str
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """Its words, without thoughts."""
        spoken = (part.text for part in self.parts if isinstance(part, Text) and not part.thought)
        return "\n".join(filter(None, spoken))


def read_contents(request: Message, offer: Offer) -> tuple[Said, ...]:
    """The conversation, at least one turn. Raises Problem(BAD_REQUEST)."""
    contents = request.messages("contents")
    if not contents:
        path = request.at("contents")
        raise bad(path, "* GenerateContentRequest.contents: contents is not specified")
    return tuple(_content(content, offer) for content in contents)


def read_system(request: Message, offer: Offer) -> str:
    """The system instruction's words; it has no pictures. Raises Problem(BAD_REQUEST)."""
    if request.get("systemInstruction") is None:
        return ""
    said = _parts(request.message("systemInstruction"), offer)
    if any(not isinstance(part, Text) for part in said):
        path = request.at("systemInstruction")
        raise bad(path, f"'{path}' must consist of text.")
    return Said("user", said).text


def refuse_pictures(conversation: Iterable[Said]) -> None:
    """Pictures in the conversation are read and checked, but not served yet."""
    for said in conversation:
        for part in said.parts:
            if not isinstance(part, Text):
                raise bad(part.field, f"Images as input are not available yet: '{part.field}'.")


def characters(conversation: Iterable[Said]) -> int:
    """How many characters the conversation's words have, thoughts included."""
    return sum(len(part.text) for said in conversation for part in said.parts if isinstance(part, Text))


def pictures(conversation: Iterable[Said]) -> int:
    return sum(not isinstance(part, Text) for said in conversation for part in said.parts)


def _content(content: Message, offer: Offer) -> Said:
    role = content.text("role") or "user"
    if role not in ROLES:
        raise bad(content.at("role"), "Please use a valid role: user, model.")
    return Said(role, _parts(content, offer))


def _parts(content: Message, offer: Offer) -> tuple[Part, ...]:
    parts = content.messages("parts")
    if not parts:
        path = content.at("parts")
        raise bad(path, f"* GenerateContentRequest.{path}: contents.parts must not be empty.")
    return tuple(_part(part, offer) for part in parts)


def _part(part: Message, offer: Offer) -> Part:
    signature = _signature(part)
    kind = _kind(part, signature)
    if kind == "inlineData":
        return _blob(part.message("inlineData"), signature, offer)
    if kind == "fileData":
        return _file(part.message("fileData"), signature)
    return Text(part.text("text") or "", bool(part.flag("thought")), signature)


def _kind(part: Message, signature: str | None) -> str:
    """Which of the part's exclusive fields is set. A bare signature is a text without words."""
    for name in OTHER_DATA:
        if part.get(name) is not None:
            raise bad(part.at(name), f"'{part.at(name)}' is not supported by image models.")
    given = [name for name in DATA if part.get(name) is not None]
    if len(given) == 1 or (not given and signature):
        return given[0] if given else "text"
    oneof = "required oneof field 'data' must have one initialized field"
    raise bad(part.path, f"* GenerateContentRequest.{part.path}.data: {oneof}")


def _signature(part: Message) -> str | None:
    """The thought signature in standard base64, as engines and answers have it."""
    signature = part.base64("thoughtSignature")
    return b64encode(signature).decode() if signature else None


def _blob(blob: Message, signature: str | None, offer: Offer) -> Blob:
    mime = _mime(blob)
    if not mime:
        raise bad(blob.path, f"Unable to determine mime type of inline data: '{blob.at('mimeType')}'.")
    data = blob.base64("data")
    if not data:
        raise bad(blob.at("data"), f"'{blob.at('data')}' is empty.")
    if len(data) > offer.reference_bytes:
        most = f"{offer.reference_bytes} bytes"
        raise bad(blob.at("data"), f"'{blob.at('data')}' has {len(data)} bytes, an image at most {most}.")
    return Blob(mime, data, blob.path, signature)


def _file(file: Message, signature: str | None) -> File:
    uri = (file.text("fileUri") or "").strip()
    if not _fetchable(uri):
        path = file.at("fileUri")
        raise bad(path, f"'{path}' must be an https://, http:// or gs:// address, got \"{clip(uri)}\".")
    return File(uri, _mime(file), file.path, signature)


def _fetchable(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        return parts.scheme.lower() in SCHEMES and bool(parts.hostname)
    except ValueError:
        return False


def _mime(holder: Message) -> str:
    """The type that the client claims; `image/jpg` is what many call JPEG."""
    claimed = (holder.text("mimeType") or "").partition(";")[0].strip().lower()
    mime = "image/jpeg" if claimed == "image/jpg" else claimed
    if mime and mime not in MIMES:
        known, path = ", ".join(MIMES), holder.at("mimeType")
        raise bad(path, f"Unsupported MIME type: {clip(claimed)} at '{path}'; supported: {known}")
    return mime


def words_only(conversation: Sequence[Said]) -> str | None:
    """The prompt, if the conversation is nothing but one plain text; None if it is more."""
    if len(conversation) != 1 or len(conversation[0].parts) != 1:
        return None
    part = conversation[0].parts[0]
    plain = isinstance(part, Text) and not part.thought and part.signature is None
    return part.text if plain and isinstance(part, Text) else None
