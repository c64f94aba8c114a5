"""From an EvoLink request to the neutral order. `size` is a ratio, `quality` a resolution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from generations.dialect import Incoming, read_json
from generations.errors import Problem
from generations.spec import Kind, Offer, Order
from generations.wording import (
    TIERS,
    clip,
    is_integer,
    listed,
    nearest_resolution,
    offer_named,
    same_tier,
)

DEFAULT_MODEL = "gemini-2.5-flash-image"
MAX_IMAGES = 4
NOT_YET = ("image_urls", "mask_url", "callback_url")


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
        message = f"The model {clip(name)} does not exist; models: {known}"
        raise Problem(Kind.UNKNOWN_MODEL, message, param="model")
    if not offer.allowed:
        raise Problem(Kind.FORBIDDEN_MODEL, f"This key may not use the model {clip(name)}", param="model")
    return offer


def read_order(body: Mapping[str, Any], offer: Offer) -> Order:
    """The whole order. Raises Problem(BAD_REQUEST) with the field's name."""
    _refuse_coming_fields(body)
    resolution, adjusted = _resolution(body, offer)
    return Order(
        model=offer.model,
        asked=_text(body, "model") or offer.names[0],
        prompt=_prompt(body, offer),
        count=_count(body, offer),
        ratio=_ratio(body, offer),
        resolution=resolution,
        adjusted=adjusted,
        echo=_model_params(body),
    )


def _refuse_coming_fields(body: Mapping[str, Any]) -> None:
    for name in NOT_YET:
        if body.get(name) not in (None, []):
            raise _bad(name, f"{name} is not available yet")


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


def _count(body: Mapping[str, Any], offer: Offer) -> int:
    value, most = body.get("n"), min(MAX_IMAGES, offer.max_count)
    if value is None:
        return 1
    if not is_integer(value) or not 1 <= value <= most:
        raise _bad("n", f"n must be an integer from 1 to {most}")
    return int(value)


def _ratio(body: Mapping[str, Any], offer: Offer) -> str | None:
    size = _text(body, "size")
    if size is None:
        return offer.default_ratio
    if size == "auto":
        return None
    if size not in offer.ratios:
        known = ", ".join(("auto", *offer.ratios))
        raise _bad("size", f"size must be one of {known} for {offer.names[0]}, got {clip(size)}")
    return size


def _resolution(body: Mapping[str, Any], offer: Offer) -> tuple[str, tuple[str, ...]]:
    """The resolution, and the sentence that says so where the model lacks the one asked for."""
    quality = _text(body, "quality")
    if quality is None:
        return offer.default_resolution, ()
    nearest = nearest_resolution(offer, quality)
    if nearest is None:
        known = ", ".join(tier for tier in TIERS if tier != "512")
        raise _bad("quality", f"quality must be one of {known}, got {clip(quality)}")
    return nearest, () if same_tier(nearest, quality) else (f"quality {quality} -> {nearest}",)


def _model_params(body: Mapping[str, Any]) -> dict[str, Any]:
    value = body.get("model_params")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _bad("model_params", "model_params must be an object")
    return {"model_params": value}


def _bad(param: str, message: str) -> Problem:
    return Problem(Kind.BAD_REQUEST, message, param=param)
