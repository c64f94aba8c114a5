"""`contents` and `systemInstruction`: who said what, with which pictures. Everything is checked here."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from generations.dialects.gemini.proto import Message, bad
from generations.spec import Offer, Text
from generations.wording import clip

MIMES = ("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif")
SCHEMES = ("https", "http", "gs")  # plain http reads our own links only; the gate judges that
FILES_API = "generativelanguage.googleapis.com"
DATA = ("text", "inlineData", "fileData")
OTHER_DATA = (
    *("functionCall", "functionResponse", "executableCode", "codeExecutionResult"),
    *("toolCall", "toolResponse"),
)
ROLES = ("user", "model")
URL_BYTES, STORAGE_BYTES = 10 * 2**20, 30 * 2**20  # of a picture at https:// and at gs://
MODEL_PICTURE_BYTES = 20 * 2**20
"""What a picture of the model's own turn may have: it comes back as we gave it, and a 4K picture has
more bytes than a client's own may have."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture as it was sent, of a type that we take: its `data`, or the `uri` it can be fetched from.
    `place` is where it stands, for errors about it; `limit` is the most bytes its file may have; a
    `thought` is a sketch that the model made on its way."""

    place: str
    data: bytes = field(default=b"", repr=False)
    uri: str = ""
    limit: int = 0
    thought: bool = False
    signature: str | None = None


Part = Text | Shown


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
    said = _parts(request.message("systemInstruction"), offer.reference_bytes)
    if any(not isinstance(part, Text) for part in said):
        path = request.at("systemInstruction")
        raise bad(path, f"'{path}' must consist of text.")
    return Said("user", said).text


def characters(conversation: Iterable[Said]) -> int:
    """How many characters the conversation's words have, thoughts included."""
    return sum(len(part.text) for said in conversation for part in said.parts if isinstance(part, Text))


def pictures(conversation: Iterable[Said]) -> int:
    return sum(isinstance(part, Shown) for said in conversation for part in said.parts)


def last_turn(conversation: Sequence[Said]) -> Sequence[Said]:
    """What the user says last: his turns after the model's last one. Empty if the model spoke last."""
    begin = max((index for index, said in enumerate(conversation, 1) if said.role == "model"), default=0)
    return conversation[begin:]


def _content(content: Message, offer: Offer) -> Said:
    role = content.text("role") or "user"
    if role not in ROLES:
        raise bad(content.at("role"), "Please use a valid role: user, model.")
    limit = MODEL_PICTURE_BYTES if role == "model" else offer.reference_bytes
    return Said(role, _parts(content, limit))


def _parts(content: Message, limit: int) -> tuple[Part, ...]:
    """The parts, at least one; `limit` is the most bytes a picture within the request may have."""

    parts = content.messages("parts")
    if not parts:
        path = content.at("parts")
        raise bad(path, f"* GenerateContentRequest.{path}: contents.parts must not be empty.")
    return tuple(_part(part, limit) for part in parts)


def _part(part: Message, limit: int) -> Part:
    signature, thought = _signature(part), bool(part.flag("thought"))
    kind = _kind(part, signature)
    if kind == "text":
        return Text(part.text("text") or "", thought, signature)
    picture = part.message(kind)
    shown = _blob(picture, limit) if kind == "inlineData" else _file(picture)
    return replace(shown, thought=thought, signature=signature)


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


def _blob(blob: Message, limit: int) -> Shown:
    if not _mime(blob):
        raise bad(blob.path, f"Unable to determine mime type of inline data: '{blob.at('mimeType')}'.")
    data, path = blob.base64("data"), blob.at("data")
    if not data:
        raise bad(path, f"'{path}' is empty.")
    if len(data) > limit:
        raise bad(path, f"'{path}' has {len(data)} bytes, an image at most {limit} bytes.")
    return Shown(path, data=data, limit=limit)


def _file(file: Message) -> Shown:
    uri, path = (file.text("fileUri") or "").strip(), file.at("fileUri")
    _mime(file)
    if not _fetchable(uri):
        raise bad(path, f"'{path}' must be an https:// or gs:// address, got \"{clip(uri)}\".")
    if urlsplit(uri).hostname == FILES_API:
        raise bad(path, f"'{path}' is of Google's Files API, which only Google can read: send the bytes.")
    return Shown(path, uri=uri, limit=STORAGE_BYTES if uri.lower().startswith("gs:") else URL_BYTES)


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
