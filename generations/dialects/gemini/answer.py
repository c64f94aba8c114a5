"""From a report to a GenerateContentResponse."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generations import handles
from generations.dialect import Answer, Desk
from generations.dialects.gemini.candidates import Candidate, candidates, prompt_feedback, to_json
from generations.dialects.gemini.errors import failure
from generations.dialects.gemini.operations import operation
from generations.errors import Problem
from generations.spec import Kind, Report, State

INLINE_BYTES = 2**20  # up to here encoding costs about a millisecond: no thread
POLL_SECONDS = "2"
NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Made:
    """A final generation that is an answer: its candidates, or why the prompt was refused."""

    report: Report
    candidates: tuple[Candidate, ...]
    feedback: Mapping[str, Any] | None


async def made(report: Report, desk: Desk) -> Made:
    """Reads the images. Raises the Problem that the generation ended with, or Problem(GONE)."""
    if problem := failure(report):
        raise problem
    if report.state is State.SUCCEEDED and not report.images:
        raise Problem(Kind.GONE, "The images of this generation are no longer kept.", generation=report.id)
    files = await asyncio.gather(*(desk.read(image) for image in report.images))
    by_number = {image.number: file for image, file in zip(report.images, files, strict=True)}
    feedback = prompt_feedback(report)
    return Made(report, () if feedback else candidates(report, by_number), feedback)


async def whole(answer: Made) -> Answer:
    """The 200 of `generateContent`."""
    body = await response(answer, answer.candidates, last=True)
    return Answer(200, body, dict(NO_STORE), answer.report)


def pending(report: Report) -> Answer:
    """The 202 of a generation that is not final."""
    return Answer(202, operation(report), NO_STORE | {"Retry-After": POLL_SECONDS}, report)


async def response(answer: Made, shown: Sequence[Candidate], *, last: bool) -> bytes:
    """One response as JSON, with these candidates; the last of a stream has the final usage."""
    size = sum(len(piece.image or b"") for candidate in shown for piece in candidate.pieces)
    if size > INLINE_BYTES:
        return await asyncio.to_thread(_response, answer, shown, last)
    return _response(answer, shown, last)


def _response(answer: Made, shown: Sequence[Candidate], last: bool) -> bytes:
    """`{"candidates", "usageMetadata", "modelVersion", "responseId"}` as JSON."""
    report, members = answer.report, list(_head(answer, shown))
    rest = {
        "usageMetadata": usage(report) if last else usage_so_far(report),
        "modelVersion": report.order.model,
        "responseId": handles.gemini(report.id),
    }
    return b"{%b}" % b",".join((*members, to_json(rest)[1:-1]))


def _head(answer: Made, shown: Sequence[Candidate]) -> Iterator[bytes]:
    if answer.feedback:
        yield b'"promptFeedback":' + to_json(answer.feedback)
    if shown:
        yield b'"candidates":[%b]' % b",".join(candidate.encode() for candidate in shown)


# ---- tokens ----------------------------------------------------------------------------------


def usage(report: Report) -> dict[str, Any]:
    """Input and thoughts as the provider counted them, pictures as they are billed. The words of an
    answer without a picture are counted, and cost nothing."""
    pictures, thoughts = report.tokens, report.usage.thoughts
    words = 0 if report.images or report.kind is not Kind.NO_IMAGE else report.usage.text
    counts: dict[str, Any] = {"promptTokenCount": report.usage.prompt}
    if pictures or words:
        counts["candidatesTokenCount"] = pictures + words
    if thoughts:
        counts["thoughtsTokenCount"] = thoughts
    counts["totalTokenCount"] = report.usage.prompt + pictures + words + thoughts
    counts |= prompt_details(report.usage.prompt - report.usage.prompt_images, report.usage.prompt_images)
    if details := modalities(words, pictures):
        counts["candidatesTokensDetails"] = details
    return counts


def usage_so_far(report: Report) -> dict[str, Any]:
    return {"promptTokenCount": report.usage.prompt, "totalTokenCount": report.usage.prompt}


def prompt_details(words: int, pictures: int) -> dict[str, Any]:
    details = modalities(words, pictures)
    return {"promptTokensDetails": details} if details else {}


def modalities(words: int, pictures: int) -> list[dict[str, Any]]:
    """Google's list of counts by modality, without those that are zero."""
    counted = (("TEXT", words), ("IMAGE", pictures))
    return [{"modality": name, "tokenCount": count} for name, count in counted if count > 0]
