"""The fields of a request that do not depend on the model, and what is said where one cannot be done
exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from generations.dialects.openai.fields import Fields

BY_WORDS = "as words in the prompt"
BY_MODEL = "as the model does by itself"
QUALITIES = {
    "auto": None,
    "standard": "medium",
    "hd": "high",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}
COMPRESSIBLE = ("jpeg", "webp")
PREVIEWS = 3


@dataclass(frozen=True, slots=True)
class Options:
    """`stream` asks for events instead of one answer, with `previews` of each picture before it."""

    quality: str | None
    style: str | None
    background: str | None
    format: str | None
    compression: int | None
    moderation: str | None
    service_tier: str | None
    complexity: str | None
    input_fidelity: str | None
    stream: bool
    previews: int

    @property
    def drawn_quality(self) -> str | None:
        """`low`, `medium` or `high`."""
        return QUALITIES[self.quality] if self.quality else None

    @property
    def used_compression(self) -> int | None:
        return self.compression if self.format in COMPRESSIBLE else None


def read_options(fields: Fields, *, edit: bool = False) -> Options:
    """Reads and checks them; what is wrong is noted in `fields`."""
    _check_response_format(fields)
    stream, previews = fields.flag("stream"), fields.integer("partial_images", 0, PREVIEWS)
    return Options(
        quality=fields.word("quality", tuple(QUALITIES)),
        style=fields.word("style", ("vivid", "natural")),
        background=fields.word("background", ("transparent", "opaque", "auto")),
        format=fields.word("output_format", ("png", "jpeg", "webp")),
        compression=fields.integer("output_compression", 0, 100),
        moderation=fields.word("moderation", ("auto", "low")),
        service_tier=fields.word("service_tier", ("auto", "default", "flex", "priority")),
        complexity=fields.word("complexity", ("low", "medium", "high")),
        input_fidelity=fields.word("input_fidelity", ("high", "low")) if edit else None,
        stream=stream,
        previews=(previews or 0) if stream else 0,
    )


def _check_response_format(fields: Fields) -> None:
    if fields.body.get("response_format") not in (None, "b64_json"):
        fields.refuse("response_format", 'Invalid literal value, expected "b64_json"')


def adjustments(options: Options) -> Iterator[str]:
    """What is done as near as possible only, each as `field asked -> done`."""
    yield from _look(options)
    if options.compression not in (None, 100) and options.used_compression is None:
        yield f"output_compression {options.compression} -> none for {options.format or 'png'}"
    if options.moderation == "low":
        yield "moderation low -> auto"
    if options.service_tier in ("flex", "priority"):
        yield f"service_tier {options.service_tier} -> default"
    if options.complexity:
        yield f"complexity {options.complexity} -> {BY_MODEL}"
    if options.input_fidelity:
        yield f"input_fidelity {options.input_fidelity} -> {BY_MODEL}"
    if options.previews:
        yield f"partial_images {options.previews} -> previews of the finished picture"


def _look(options: Options) -> Iterator[str]:
    if options.quality == "low":
        yield "quality low -> medium"  # what the models draw when nothing is said
    elif options.quality not in (None, "standard", "medium"):
        yield f"quality {options.quality} -> {BY_WORDS}"
    if options.style:
        yield f"style {options.style} -> {BY_WORDS}"
    if options.background == "transparent":
        yield "background transparent -> opaque"


def echo(options: Options, size: str | None) -> dict[str, Any]:
    """Which members the answer repeats: those that were given and are not `auto`."""
    given = {
        "background": options.background,
        "output_format": options.format,
        "quality": options.quality,
        "size": size,
    }
    return {name: value for name, value in given.items() if value is not None}
