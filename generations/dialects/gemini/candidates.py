"""What a generation made, as Google's candidates: one for each picture, in their order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pybase64 import b64encode

from generations.spec import Kind, Report, State

FINISH_REASONS = frozenset(
    {
        *("MAX_TOKENS", "SAFETY", "RECITATION", "LANGUAGE", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT"),
        *("SPII", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_OTHER", "IMAGE_RECITATION"),
    }
)
BLOCK_REASONS = frozenset({"SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY"})
UNABLE = "Unable to show the generated image."


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of an answer: words, or a picture's bytes."""

    text: str = ""
    image: bytes | None = field(default=None, repr=False)
    mime: str = ""
    thought: bool = False
    signature: str | None = None

    def encode(self) -> bytes:
        """The part as JSON. The base64 is spliced in: it never passes through a JSON encoder."""
        rest: dict[str, Any] = {"thought": True} if self.thought else {}
        rest |= {"thoughtSignature": self.signature} if self.signature else {}
        if self.image is None:
            # A signature without words stands alone: clients' chats forget a turn that has an empty text.
            return to_json(rest if self.signature and not self.text else {"text": self.text} | rest)
        head = b'{"inlineData":{"mimeType":%b,"data":"' % to_json(self.mime)
        tail = b"," + to_json(rest)[1:] if rest else b"}"
        return b"".join((head, b64encode(self.image), b'"}', tail))


@dataclass(frozen=True, slots=True)
class Candidate:
    """One candidate, or in a stream a part of one: only the last part has the reason it ended."""

    index: int
    pieces: tuple[Piece, ...] = ()
    reason: str | None = None
    message: str = ""

    def encode(self) -> bytes:
        members = []
        if self.pieces:
            parts = b",".join(piece.encode() for piece in self.pieces)
            members.append(b'"content":{"role":"model","parts":[%b]}' % parts)
        rest: dict[str, Any] = {"finishReason": self.reason} if self.reason else {}
        rest |= {"finishMessage": self.message} if self.message else {}
        members.append(to_json(rest | {"index": self.index})[1:-1])
        return b"{%b}" % b",".join(members)

    def split(self) -> Iterator[Candidate]:
        """The candidate piece by piece, for a stream."""
        for piece in self.pieces[:-1]:
            yield Candidate(self.index, (piece,))
        yield Candidate(self.index, self.pieces[-1:], self.reason, self.message)


def to_json(value: Any) -> bytes:
    """Compact UTF-8 JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def prompt_feedback(report: Report) -> dict[str, Any] | None:
    """Why the prompt was refused, if that is why there is nothing else to tell."""
    refusals = [part for part in report.parts if "refusal" in part]
    blocked = report.state is State.FAILED and report.kind is Kind.CONTENT_BLOCKED
    if not blocked or any(part.get("stage") != "prompt" for part in refusals):
        return None
    category = str(refusals[0]["refusal"]) if refusals else ""
    feedback = {"blockReason": category if category in BLOCK_REASONS else "OTHER"}
    if refusals and refusals[0].get("message"):
        feedback["blockReasonMessage"] = str(refusals[0]["message"])
    return feedback


def candidates(report: Report, files: Mapping[int, bytes]) -> tuple[Candidate, ...]:
    """The candidates of a final generation; `files` are the bytes of its images by number."""
    if report.state is State.SUCCEEDED:
        return _drawn(report, files)
    if report.kind is Kind.CONTENT_BLOCKED:
        refusals = [part for part in report.parts if "refusal" in part]
        return tuple(_refused(index, part) for index, part in enumerate(refusals[: report.order.count]))
    words = tuple(_words(report, report.parts))
    return (Candidate(0, words, "STOP" if any(piece.text for piece in words) else "NO_IMAGE"),)


def _drawn(report: Report, files: Mapping[int, bytes]) -> tuple[Candidate, ...]:
    parts = _parts(report)
    if report.order.count == 1:
        return (Candidate(0, tuple(_pieces(report, parts, files)), "STOP"),)
    return tuple(_one(report, index, group, files) for index, group in enumerate(_groups(parts)))


def _one(
    report: Report, index: int, group: Sequence[Mapping[str, Any]], files: Mapping[int, bytes]
) -> Candidate:
    """One of several candidates: a picture with its words, or a refusal."""
    if refusal := next((part for part in group if "refusal" in part), None):
        return _refused(index, refusal)
    return Candidate(index, tuple(_pieces(report, group, files)), "STOP")


def _parts(report: Report) -> list[Mapping[str, Any]]:
    """What came out, in order, and after it the images that no part names."""
    named = {part["image"] for part in report.parts if "image" in part}
    rest = [{"image": i.number, "signature": i.signature} for i in report.images if i.number not in named]
    return [*report.parts, *rest]


def _groups(parts: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """The parts of each candidate: a picture or a refusal ends one. What follows the last, and a bare
    signature, belong to the one before."""
    groups: list[list[Mapping[str, Any]]] = [[]]
    ended = False
    for part in parts:
        if ended and part.get("text") != "":
            groups.append([])
            ended = False
        groups[-1].append(part)
        ended = ended or "image" in part or "refusal" in part
    if len(groups) > 1 and not ended:
        groups[-2].extend(groups.pop())
    return groups


def _refused(index: int, part: Mapping[str, Any]) -> Candidate:
    category = str(part["refusal"])
    reason = category if category in FINISH_REASONS else "IMAGE_SAFETY"
    return Candidate(index, (), reason, str(part.get("message") or UNABLE))


def _pieces(
    report: Report, parts: Sequence[Mapping[str, Any]], files: Mapping[int, bytes]
) -> Iterator[Piece]:
    """The pieces that the client asked to see; images that are not kept any more are left out."""
    mimes = {image.number: image.mime for image in report.images}
    for part in parts:
        if "image" not in part:
            yield from _words(report, [part])
        elif part["image"] in files:
            number = part["image"]
            yield Piece(image=files[number], mime=mimes[number], signature=part.get("signature"))


def _words(report: Report, parts: Sequence[Mapping[str, Any]]) -> Iterator[Piece]:
    """The words among the parts. Without TEXT in responseModalities only bare signatures are left: the
    next turn of the conversation has to bring these back."""
    wants = report.order.echo if report.dialect == "gemini" else {}
    text, thoughts = wants.get("text", True), wants.get("thoughts", False)
    for part in parts:
        bare = part.get("text") == "" and part.get("signature")
        if "text" in part and (bare or (thoughts if part.get("thought") else text)):
            yield Piece(str(part["text"]), thought=bool(part.get("thought")), signature=part.get("signature"))
