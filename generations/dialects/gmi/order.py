"""From a GMI Cloud request to the neutral order: `{"model": ..., "payload": {...}}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from generations.dialect import Incoming, read_json
from generations.dialects.gmi.contents import (
    PATH,
    Reference,
    Said,
    read_contents,
    shown_contents,
    turns_of,
)
from generations.dialects.gmi.fields import bad, number, text, word
from generations.dialects.gmi.next_turn import REFERENCES
from generations.dialects.gmi.pictures import (
    address_of,
    carried,
    pictures_in,
    read_images,
    shown_image,
    source_of,
)
from generations.errors import Problem
from generations.spec import Kind, Offer, Order, Sampling, Source, Text
from generations.wording import clip, listed, nearest_resolution, offer_named, type_name

SIZES = ("1K", "2K", "4K")
FORMATS = ("png", "jpeg")
DOCUMENTED = (
    *("prompt", "image", "aspect_ratio", "image_size", "image_output_format", "contents"),
    *("temperature", "top_p"),
)
IGNORED_BESIDE_CONTENTS = ("prompt", "image", "contents")


def json_object(request: Incoming) -> dict[str, Any]:
    """The body as a JSON object. Raises Problem(UNSUPPORTED_MEDIA, BAD_REQUEST)."""
    if request.media_type not in ("application/json", ""):
        raise Problem(Kind.UNSUPPORTED_MEDIA, "Content-Type must be application/json")
    body = read_json(request)
    if not isinstance(body, dict):
        raise Problem(Kind.BAD_REQUEST, "The request body must be a JSON object")
    return body


def payload_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The payload. Raises Problem(BAD_REQUEST) for a missing or an empty one."""
    payload = body.get("payload")
    if payload is None:
        raise bad("payload", "is required")
    if not isinstance(payload, dict):
        raise bad("payload", f"must be an object, got {type_name(payload)}")
    if not payload:
        raise bad("payload", "must not be empty: it needs prompt or contents")
    return payload


def chosen_offer(body: Mapping[str, Any], offers: tuple[Offer, ...]) -> Offer:
    """The model that the body names. Raises Problem(BAD_REQUEST, UNKNOWN_MODEL)."""
    name = text(body.get("model"), "model")
    if not name:
        raise bad("model", "is required")
    return offer_of(name, offers)


def offer_of(name: str, offers: tuple[Offer, ...]) -> Offer:
    """The model of that id. One sentence for an unknown id and for one the key may not use, as the
    vendor does. Raises Problem(UNKNOWN_MODEL)."""
    offer = offer_named(listed(offers), name)
    if offer is None:
        known = ", ".join(offer.names[0] for offer in listed(offers))
        message = f"model {clip(name)} not found or you do not have access; models: {known}"
        raise Problem(Kind.UNKNOWN_MODEL, message, param="model")
    return offer


def read_order(asked: str, payload: Mapping[str, Any], offer: Offer) -> tuple[Order, tuple[Source, ...]]:
    """The order without its inputs, and what they are to be fetched from, in their order. With
    `contents`, `prompt` and `image` are ignored. Raises Problem(BAD_REQUEST, TOO_LARGE) with the
    field's path."""
    contents = payload.get("contents")
    said = () if contents in (None, []) else read_contents(contents)
    images = carried(said, offer.max_references) if said else read_images(payload, offer)
    resolution, adjusted = _resolution(payload, offer)
    order = Order(
        model=offer.model,
        asked=asked,
        prompt=_asked_now(said, offer) if said else _prompt(payload, offer),
        ratio=_ratio(payload, offer, follows=bool(images)),
        resolution=resolution,
        turns=() if _is_plain(said) else turns_of(said, images),
        format=word(payload.get("image_output_format"), "payload.image_output_format", FORMATS) or "png",
        sampling=Sampling(
            temperature=number(payload.get("temperature"), "payload.temperature", 2),
            top_p=number(payload.get("top_p"), "payload.top_p", 1),
        ),
        adjusted=(*adjusted, *_left_out(said, images)),
        echo={"payload": _kept(payload, said)} | _named(images),
    )
    return order, tuple(source_of(image, offer) for image in images)


def _left_out(said: tuple[Said, ...], images: tuple[Reference, ...]) -> tuple[str, ...]:
    """Says so when older pictures of a conversation do not go along."""
    held = pictures_in(said)
    return (f"images of the conversation {held} -> {len(images)}",) if held > len(images) else ()


def _named(images: tuple[Reference, ...]) -> dict[str, Any]:
    """By which URL the next turn names each input."""
    return {REFERENCES: [address_of(image) for image in images]} if images else {}


# ---- words -----------------------------------------------------------------------------------


def _prompt(payload: Mapping[str, Any], offer: Offer) -> str:
    prompt = text(payload.get("prompt"), "payload.prompt")
    if prompt is None:
        raise bad("payload.prompt", "is required, unless there is payload.contents")
    if not prompt.strip():
        raise bad("payload.prompt", "must not be empty")
    _refuse_long(len(prompt), "payload.prompt", offer)
    return prompt


def _asked_now(said: tuple[Said, ...], offer: Offer) -> str:
    """The words of the last turn, without thoughts: what histories show as the prompt."""
    letters = sum(len(part.text) for turn in said for part in turn.parts if isinstance(part, Text))
    _refuse_long(letters, PATH, offer)
    spoken = (part.text for part in said[-1].parts if isinstance(part, Text) and not part.thought)
    return "\n".join(filter(None, spoken))


def _refuse_long(letters: int, path: str, offer: Offer) -> None:
    if letters > offer.prompt_characters:
        most = f"at most {offer.prompt_characters} characters for {offer.names[0]}"
        raise bad(path, f"is too long: {most}, got {letters}")


def _is_plain(said: tuple[Said, ...]) -> bool:
    """A conversation of one turn in one piece of words is a prompt, whatever form it came in."""
    if len(said) != 1 or len(said[0].parts) != 1:
        return not said
    part = said[0].parts[0]
    return isinstance(part, Text) and not part.thought and part.signature is None


# ---- shape -----------------------------------------------------------------------------------


def _ratio(payload: Mapping[str, Any], offer: Offer, *, follows: bool) -> str | None:
    """Unset, the picture follows its last input, else it is the documented default."""
    asked = word(payload.get("aspect_ratio"), "payload.aspect_ratio", offer.ratios)
    return asked or (None if follows else offer.default_ratio)


def _resolution(payload: Mapping[str, Any], offer: Offer) -> tuple[str, tuple[str, ...]]:
    """The resolution, and the sentence that says so where the model lacks the one asked for."""
    asked = word(payload.get("image_size"), "payload.image_size", SIZES)
    if asked is None:
        return offer.default_resolution, ()
    nearest = nearest_resolution(offer, asked)
    assert nearest is not None
    return nearest, () if nearest == asked else (f"image_size {asked} -> {nearest}",)


def _kept(payload: Mapping[str, Any], said: tuple[Said, ...]) -> dict[str, Any]:
    """What the record shows as its payload: the documented fields that counted, without the bytes of
    pictures."""
    if said:
        counted = [name for name in DOCUMENTED if name not in IGNORED_BESIDE_CONTENTS]
        return {name: payload[name] for name in counted if name in payload} | {
            "contents": shown_contents(said)
        }
    kept = {name: payload[name] for name in DOCUMENTED if name in payload}
    if image := kept.get("image"):
        kept["image"] = [shown_image(one) for one in image] if isinstance(image, list) else shown_image(image)
    return kept
