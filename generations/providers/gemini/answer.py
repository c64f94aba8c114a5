"""What Google said: the JSON of one `generateContent` answer as an `Outcome`, and many as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pybase64

from generations.errors import ProviderError
from generations.provider.failures import EXCERPT, Malformed, most_telling
from generations.provider.wire import Answer, parsed
from generations.spec import Image, Outcome, Refusal, Text, Usage

REFUSED = frozenset(
    {
        "SAFETY",
        "IMAGE_SAFETY",
        "PROHIBITED_CONTENT",
        "IMAGE_PROHIBITED_CONTENT",
        "RECITATION",
        "IMAGE_RECITATION",
        "SPII",
        "BLOCKLIST",
    }
)
NOTE = 200  # characters of a finish reason or a request id that a history keeps
_URL_SAFE = bytes.maketrans(b"-_", b"+/")

Part = Text | Image | Refusal


def outcome(told: Answer) -> Outcome:
    """One answer's `Outcome`. Raises Malformed.

    A block is a `Refusal` part, not an error. Pictures that the model drew while thinking are
    dropped, thoughts in words and all signatures are kept, and so is the order.
    """
    if told.media != "application/json":
        words = told.body[:EXCERPT].decode(errors="replace")
        raise Malformed(f"status 200 with content type {told.media[:100]!r}: {words!r}")
    try:
        return _outcome(parsed(told.body, "data"), told.headers)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise Malformed(f"status 200 with a broken body: {type(error).__name__}: {error}") from None


def _outcome(answer: Mapping[str, Any], headers: Mapping[str, str]) -> Outcome:
    candidates = answer.get("candidates") or []
    blocked = _prompt_refusal(answer.get("promptFeedback") or {})
    if not candidates and not blocked:
        raise Malformed(f"status 200 without candidates: {str(answer)[:EXCERPT]}")
    parts = (*blocked, *(part for candidate in candidates for part in _candidate(candidate)))
    reasons = [str(c.get("finishReason") or "") for c in candidates] or [p.category for p in blocked]
    return Outcome(
        parts=parts,
        usage=_usage(answer.get("usageMetadata") or {}, any(isinstance(p, Image) for p in parts)),
        request_id=str(answer.get("responseId") or headers.get("x-request-id", "")),
        finish_reason=_distinct(reasons),
    )


def _prompt_refusal(feedback: Mapping[str, Any]) -> tuple[Refusal, ...]:
    reason = str(feedback.get("blockReason") or "")
    return (Refusal("prompt", reason, str(feedback.get("blockReasonMessage") or "")),) if reason else ()


def _candidate(candidate: Mapping[str, Any]) -> list[Part]:
    content = candidate.get("content") or {}
    parts = [made for part in content.get("parts") or [] if (made := _part(part))]
    reason = str(candidate.get("finishReason") or "")
    if reason in REFUSED:
        parts.append(Refusal("output", reason, str(candidate.get("finishMessage") or "")))
    return parts


def _part(part: Mapping[str, Any]) -> Part | None:
    thought = bool(part.get("thought"))
    signature = part.get("thoughtSignature") or None
    if blob := part.get("inlineData"):
        return None if thought else _image(blob, signature)
    text = str(part.get("text") or "")
    return Text(text, thought, signature) if text or signature else None


def _image(blob: Mapping[str, Any], signature: str | None) -> Image:
    mime = str(blob.get("mimeType") or "")
    if not mime.startswith("image/"):
        raise Malformed(f"inline data of type {mime[:100]!r}")
    return Image(_decoded(blob["data"]), mime, signature)


def _decoded(data: str | bytes) -> bytes:
    """Google writes standard base64; relays that use its client write the URL-safe alphabet."""
    text = data.encode() if isinstance(data, str) else data
    if b"-" in text or b"_" in text:
        text = text.translate(_URL_SAFE)
    return pybase64.b64decode(text, validate=True)


def _usage(told: Mapping[str, Any], drew: bool) -> Usage:
    answered = int(told.get("candidatesTokenCount") or 0)
    details = told.get("candidatesTokensDetails")
    # Without details (older models, relays) an answer that has a picture is all picture.
    pictures = _modality(details, "IMAGE") if details else answered if drew else 0
    return Usage(
        prompt=int(told.get("promptTokenCount") or 0),
        prompt_images=_modality(told.get("promptTokensDetails"), "IMAGE"),
        output_images=pictures,
        thoughts=int(told.get("thoughtsTokenCount") or 0),
        text=max(0, answered - pictures),
    )


def _modality(details: Sequence[Mapping[str, Any]] | None, wanted: str) -> int:
    return sum(int(d.get("tokenCount") or 0) for d in details or () if d.get("modality") == wanted)


# ---- several calls of one job ----------------------------------------------------------------


def merge(results: Sequence[Outcome | ProviderError]) -> Outcome:
    """The calls of a job as one `Outcome`, with every picture, even one that nobody ordered.

    Raises the most telling ProviderError when nothing was drawn, unless Google refused the content
    or no call failed: an answer is an answer, even without a picture. `finish_reason` is Google's
    word (distinct words joined by `, `), then after `; ` the kind of each call that failed; `lost` are
    those that another call may make good.
    """
    answers = [r for r in results if isinstance(r, Outcome)]
    if len(answers) == len(results) == 1:
        return answers[0]
    failures = [r for r in results if isinstance(r, ProviderError)]
    parts = [part for answer in answers for part in answer.parts]
    if failures and not any(isinstance(p, Image | Refusal) for p in parts):
        raise most_telling(failures)
    notes = [f"failed: {f.kind}" for f in failures]
    return Outcome(
        parts=tuple(parts),
        usage=_sum(a.usage for a in answers),
        request_id=",".join(filter(None, (a.request_id for a in answers)))[:NOTE],
        finish_reason="; ".join([_distinct(a.finish_reason for a in answers), *notes])[:NOTE],
        lost=sum(f.retryable for f in failures),
    )


def _sum(usages: Iterable[Usage]) -> Usage:
    counts = [(u.prompt, u.prompt_images, u.output_images, u.thoughts, u.text) for u in usages]
    return Usage(*(sum(column) for column in zip(*counts, strict=True)))


def _distinct(words: Iterable[str]) -> str:
    return ", ".join(filter(None, dict.fromkeys(words)))
