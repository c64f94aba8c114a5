"""From an OpenAI Images request to the neutral order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from generations.dialects.openai.fields import Fields
from generations.dialects.openai.shape import Shape, read_shape
from generations.errors import Problem
from generations.spec import Kind, Offer, Order
from generations.wording import clip, listed, offer_named

MAX_IMAGES = 10
# The catalogue may give the name to a model; else the vendor's choice; else what every key may use.
AUTO = ("auto", "gemini-3-pro-image-preview", "gemini-3-pro-image", "gemini-2.5-flash-image")
BY_WORDS = "as words in the prompt"
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
FORMATS = ("png", "jpeg", "webp")
INPUTS = ("image", "images", "mask")


@dataclass(frozen=True, slots=True)
class Options:
    """The fields that do not depend on the model, checked."""

    quality: str | None
    style: str | None
    background: str | None
    format: str | None
    compression: int | None
    moderation: str | None
    service_tier: str | None


def read_order(body: Any, offers: Sequence[Offer]) -> Order:
    """The order of a JSON body. Raises Problem: BAD_REQUEST naming each wrong field, UNKNOWN_MODEL,
    FORBIDDEN_MODEL."""
    fields = Fields(body)
    prompt, asked = fields.required_text("prompt"), fields.text("model") or "auto"
    options = _options(fields)
    _refuse_what_is_not_served(fields)
    fields.check()
    offer = choose(asked, offers)
    count = fields.integer("n", 1, min(MAX_IMAGES, offer.max_count)) or 1
    fields.longest("prompt", prompt, offer.prompt_characters)
    shape = read_shape(fields, offer)
    fields.check()
    return _order(asked, prompt, count, offer, options, shape)


def choose(asked: str, offers: Sequence[Offer]) -> Offer:
    """The model of that name, alias, or `provider/name`; `auto` is the vendor's choice as far as the
    key may use it. Raises Problem(UNKNOWN_MODEL, FORBIDDEN_MODEL)."""
    if asked == "auto":
        found = next((o for o in (offer_named(listed(offers), name) for name in AUTO) if o), None)
    else:
        found = offer_named(offers, asked) or offer_named(offers, asked.partition("/")[2])
    if found is None:
        known = ", ".join(offer.names[0] for offer in listed(offers))
        message = f"Requested model {clip(asked)} not supported. Supported models: {known}"
        raise Problem(Kind.UNKNOWN_MODEL, message, param="model")
    if not found.allowed:
        message = f"Access denied: Model {clip(asked)} is not in the allowed models list"
        raise Problem(Kind.FORBIDDEN_MODEL, message, param="model")
    return found


def _options(fields: Fields) -> Options:
    return Options(
        quality=fields.word("quality", tuple(QUALITIES)),
        style=fields.word("style", ("vivid", "natural")),
        background=fields.word("background", ("transparent", "opaque", "auto")),
        format=fields.word("output_format", FORMATS),
        compression=fields.integer("output_compression", 0, 100),
        moderation=fields.word("moderation", ("auto", "low")),
        service_tier=fields.word("service_tier", ("auto", "default", "flex", "priority")),
    )


def _refuse_what_is_not_served(fields: Fields) -> None:
    if fields.body.get("response_format") not in (None, "b64_json"):
        fields.refuse("response_format", 'Invalid literal value, expected "b64_json"')
    if fields.flag("stream"):
        fields.refuse("stream", "Streaming is not available yet; leave it out or send false")
    for name in INPUTS:
        if fields.body.get(name) not in (None, []):
            fields.refuse(name, "Input images are not available yet")


def _order(asked: str, prompt: str, count: int, offer: Offer, options: Options, shape: Shape) -> Order:
    return Order(
        model=offer.model,
        asked=asked,
        prompt=prompt,
        count=count,
        ratio=shape.ratio,
        resolution=shape.resolution,
        format=options.format,
        compression=options.compression if _compressed(options) else None,
        background=options.background,
        quality=QUALITIES[options.quality] if options.quality else None,
        style=options.style,
        adjusted=(*shape.adjusted, *_adjustments(options)),
        echo=_echo(options, shape),
    )


def _compressed(options: Options) -> bool:
    return options.format in ("jpeg", "webp")


def _adjustments(options: Options) -> list[str]:
    """What is done as near as possible only, each as `field asked -> done`."""
    said = []
    if options.quality == "low":
        said.append("quality low -> medium")  # what the models draw when nothing is said
    elif options.quality not in (None, "standard", "medium"):
        said.append(f"quality {options.quality} -> {BY_WORDS}")
    if options.style:
        said.append(f"style {options.style} -> {BY_WORDS}")
    if options.background == "transparent":
        said.append("background transparent -> opaque")
    if options.compression not in (None, 100) and not _compressed(options):
        said.append(f"output_compression {options.compression} -> none for {options.format or 'png'}")
    if options.moderation == "low":
        said.append("moderation low -> auto")
    if options.service_tier in ("flex", "priority"):
        said.append(f"service_tier {options.service_tier} -> default")
    return said


def _echo(options: Options, shape: Shape) -> dict[str, Any]:
    """Which members the answer repeats: those that were given and are not `auto`."""
    given = {
        "background": options.background,
        "output_format": options.format,
        "quality": options.quality,
        "size": shape.asked,
    }
    return {name: value for name, value in given.items() if value is not None}
