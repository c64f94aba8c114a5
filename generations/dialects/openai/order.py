"""From an OpenAI Images request to the neutral order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from generations.dialects.openai import options, sources
from generations.dialects.openai.fields import Fields
from generations.dialects.openai.form import read_form
from generations.dialects.openai.options import Options
from generations.dialects.openai.shape import Shape, read_shape
from generations.errors import Problem
from generations.multipart import Form
from generations.spec import Input, Kind, Offer, Order, Source
from generations.wording import clip, listed, nearest_ratio, offer_named

MAX_IMAGES = 10
# The catalogue may give the name to a model; else the vendor's choice; else what every key may use.
AUTO = ("auto", "gemini-3-pro-image-preview", "gemini-3-pro-image", "gemini-2.5-flash-image")
INPUTS = ("image", "images", "mask", "markup")
MASKED = "mask -> as an extra picture, with the rest restored from the first one"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, read: the order without its pictures, where those are, and whether the answer is
    to be a stream, with `previews` of each picture before it."""

    order: Order
    offer: Offer
    stream: bool = False
    previews: int = 0
    sources: tuple[Source, ...] = ()

    def with_inputs(self, inputs: tuple[Input, ...]) -> Order:
        """The order with its pictures. What a mask keeps must stay where it is, so that without a wish
        the picture has the shape of the first one."""
        masked = any(picture.role == "mask" for picture in inputs)
        if not masked or self.order.ratio is not None:
            return replace(self.order, inputs=inputs)
        ratio = nearest_ratio(self.offer, inputs[0].width, inputs[0].height)
        return replace(self.order, inputs=inputs, ratio=ratio)


def read_generation(body: Any, offers: Sequence[Offer]) -> Asked:
    """What a JSON body of `/v1/images/generations` asks for. Raises Problem: BAD_REQUEST naming each
    wrong field, UNKNOWN_MODEL, FORBIDDEN_MODEL."""
    fields = Fields(body)
    for name in INPUTS:
        if fields.body.get(name) not in (None, []):
            fields.refuse(name, "Input images belong to POST /v1/images/edits")
    return _read(fields, offers, edit=False)


def read_edit(body: Any, offers: Sequence[Offer]) -> Asked:
    """What a JSON body of `/v1/images/edits` asks for. Raises what `read_generation` raises."""
    fields = Fields(body)
    pictures = sources.of_json(fields)
    return _with_sources(_read(fields, offers, edit=True), pictures)


def read_edit_form(form: Form, offers: Sequence[Offer]) -> Asked:
    """What a form sent to `/v1/images/edits` asks for. Raises what `read_generation` raises."""
    fields = Fields(read_form(form))
    if not str(fields.body.get("prompt", "")).strip():
        raise Problem(Kind.BAD_REQUEST, "prompt is required", param="prompt")
    pictures = sources.of_form(fields, form)
    return _with_sources(_read(fields, offers, edit=True), pictures)


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


def _read(fields: Fields, offers: Sequence[Offer], *, edit: bool) -> Asked:
    prompt, asked = fields.required_text("prompt"), fields.text("model") or "auto"
    wanted = options.read_options(fields, edit=edit)
    fields.check()
    offer = choose(asked, offers)
    count = fields.integer("n", 1, min(MAX_IMAGES, offer.max_count)) or 1
    fields.longest("prompt", prompt, offer.prompt_characters)
    # A picture that comes with the request gives its shape to the one that is made of it.
    shape = read_shape(fields, offer, None if edit else offer.default_ratio)
    fields.check()
    order = _order(offer, asked, prompt, count, wanted, shape)
    return Asked(order, offer, wanted.stream, wanted.previews)


def _order(offer: Offer, asked: str, prompt: str, count: int, wanted: Options, shape: Shape) -> Order:
    return Order(
        model=offer.model,
        asked=asked,
        prompt=prompt,
        count=count,
        ratio=shape.ratio,
        resolution=shape.resolution,
        format=wanted.format,
        compression=wanted.used_compression,
        background=wanted.background,
        quality=wanted.drawn_quality,
        style=wanted.style,
        adjusted=(*shape.adjusted, *options.adjustments(wanted)),
        echo=options.echo(wanted, shape.asked),
    )


def _with_sources(asked: Asked, pictures: Sequence[sources.Named]) -> Asked:
    """Raises Problem(BAD_REQUEST) for a picture too many, or one that is no URL we read."""
    found = tuple(sources.source(picture, asked.offer) for picture in pictures)
    sources.check_count(found, asked.offer)
    if not any(picture.role == "mask" for picture in found):
        return replace(asked, sources=found)
    order = replace(asked.order, adjusted=(*asked.order.adjusted, MASKED))
    return replace(asked, order=order, sources=found)
