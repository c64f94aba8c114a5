"""From a ToAPIs request to the neutral order. `size` is a ratio; one request makes one image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from generations.dialect import Incoming, read_json
from generations.dialects.toapis.metadata import read_settings
from generations.errors import Problem
from generations.spec import Kind, Offer, Order
from generations.wording import TIERS, clip, is_integer, listed, nearest_resolution, offer_named, same_tier

DEFAULT_MODEL = "gemini-2.5-flash-image-official"


def json_object(request: Incoming) -> dict[str, Any]:
    """The body as a JSON object. Raises Problem(UNSUPPORTED_MEDIA, BAD_REQUEST)."""
    if request.media_type not in ("application/json", ""):
        raise Problem(Kind.UNSUPPORTED_MEDIA, "Content-Type must be application/json")
    body = read_json(request)
    if not isinstance(body, dict):
        raise Problem(Kind.BAD_REQUEST, "The request body must be a JSON object")
    return body


def chosen_offer(body: Mapping[str, Any], offers: tuple[Offer, ...]) -> Offer:
    """The model that the body names. Raises Problem(UNKNOWN_MODEL, FORBIDDEN_MODEL)."""
    name = _text(body, "model") or DEFAULT_MODEL
    offer = offer_named(offers, name)
    if offer is None:
        known = ", ".join(offer.names[0] for offer in listed(offers))
        message = f"model {clip(name)} does not exist; models: {known}"
        raise Problem(Kind.UNKNOWN_MODEL, message, param="model")
    if not offer.allowed:
        raise Problem(Kind.FORBIDDEN_MODEL, f"This key may not use the model {clip(name)}", param="model")
    return offer


def read_order(body: Mapping[str, Any], offer: Offer, *, follows: bool) -> Order:
    """The order without its images; `follows` says that there are some, whose ratio an unset one
    follows. Raises Problem(BAD_REQUEST) with the field's name."""
    _refuse_other_forms(body)
    metadata = _metadata(body)
    settings = read_settings(metadata, offer)
    resolution, said = _resolution(body, metadata, offer)
    return Order(
        model=offer.model,
        asked=_text(body, "model") or offer.names[0],
        prompt=_prompt(body, offer),
        ratio=_ratio(body, offer, follows=follows),
        resolution=resolution,
        system=settings.system,
        format=settings.format,
        compression=settings.compression,
        sampling=settings.sampling,
        adjusted=(*said, *settings.adjusted),
        echo=_echo(body),
    )


def _refuse_other_forms(body: Mapping[str, Any]) -> None:
    """What the contract fixes to one value."""
    count = body.get("n")
    if count is not None and not (is_integer(count) and count == 1):
        raise _bad("n", "n must be 1: one request makes one image")
    if body.get("response_format") not in (None, "url"):
        raise _bad("response_format", "response_format must be url")


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is None or isinstance(value, str):
        return value
    raise _bad(name, f"{name} must be a string")


def _prompt(body: Mapping[str, Any], offer: Offer) -> str:
    prompt = _text(body, "prompt")
    if prompt is None:
        raise _bad("prompt", "prompt is required")
    if not prompt.strip():
        raise _bad("prompt", "prompt must not be empty")
    if len(prompt) > offer.prompt_characters:
        longest = f"{offer.prompt_characters} characters for {offer.names[0]}"
        raise _bad("prompt", f"prompt is too long: at most {longest}, got {len(prompt)}")
    return prompt


def _ratio(body: Mapping[str, Any], offer: Offer, *, follows: bool) -> str | None:
    size = _text(body, "size")
    if size is None:
        return None if follows else offer.default_ratio
    if size not in offer.ratios:
        known = ", ".join(offer.ratios)
        raise _bad("size", f"size must be one of {known} for {offer.names[0]}, got {clip(size)}")
    return size


def _resolution(
    body: Mapping[str, Any], metadata: Mapping[str, Any], offer: Offer
) -> tuple[str, tuple[str, ...]]:
    """The resolution, which some models take at the top and some in `metadata`, and the sentence
    that says so where the model lacks the one asked for."""
    asked = _text(body, "resolution") or _text(metadata, "resolution")
    if asked is None:
        return offer.default_resolution, ()
    if _text(metadata, "resolution") not in (None, asked):
        raise _bad("metadata.resolution", "resolution and metadata.resolution must not differ")
    nearest = nearest_resolution(offer, asked)
    if nearest is None:
        known = ", ".join(tier for tier in TIERS if tier != "512")
        raise _bad("resolution", f"resolution must be one of {known}, got {clip(asked)}")
    return nearest, () if same_tier(nearest, asked) else (f"resolution {asked} -> {nearest}",)


def _metadata(body: Mapping[str, Any]) -> dict[str, Any]:
    value = body.get("metadata")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _bad("metadata", "metadata must be an object")
    return value


def _echo(body: Mapping[str, Any]) -> dict[str, Any]:
    """The caller's own id of the task is kept with it; answers have no place for it."""
    own_id = _text(body, "client_business_id")
    return {} if own_id is None else {"client_business_id": own_id}


def _bad(param: str, message: str) -> Problem:
    return Problem(Kind.BAD_REQUEST, message, param=param)
