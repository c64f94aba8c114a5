"""From an EvoLink request to the neutral order. `size` is a ratio, `quality` a resolution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from generations.dialect import Desk
from generations.dialects.evolink.fields import bad, required, text
from generations.dialects.evolink.references import MASKED
from generations.errors import Problem
from generations.spec import Kind, Offer, Order, Source
from generations.wording import TIERS, clip, is_integer, listed, nearest_resolution, offer_named, same_tier

DEFAULT_MODEL = "gemini-2.5-flash-image"
MAX_IMAGES = 4
MAX_CALLBACK = 2048  # characters
CALLBACK_RULE = (
    f"must be an https URL of at most {MAX_CALLBACK} characters that leads to a public address, on port 443"
)
PARAMS_LEFT_OUT = "model_params -> left out"


def chosen_offer(body: Mapping[str, Any], offers: tuple[Offer, ...]) -> Offer:
    """The model that the body names. Raises Problem(UNKNOWN_MODEL, FORBIDDEN_MODEL)."""
    name = text(body, "model") or DEFAULT_MODEL
    offer = offer_named(offers, name)
    if offer is None:
        known = ", ".join(offer.names[0] for offer in listed(offers))
        message = f"The model {clip(name)} does not exist; models: {known}"
        raise Problem(Kind.UNKNOWN_MODEL, message, param="model")
    if not offer.allowed:
        raise Problem(Kind.FORBIDDEN_MODEL, f"This key may not use the model {clip(name)}", param="model")
    return offer


def read_order(body: Mapping[str, Any], offer: Offer, sources: Sequence[Source]) -> Order:
    """The order without its pictures; an unset ratio follows them, if there are `sources`. Raises
    Problem(BAD_REQUEST) with the field's name."""
    resolution, adjusted = _resolution(body, offer)
    params = _model_params(body)
    masked = (MASKED,) if any(source.role == "mask" for source in sources) else ()
    return Order(
        model=offer.model,
        asked=text(body, "model") or offer.names[0],
        prompt=_prompt(body, offer),
        count=_count(body, offer),
        ratio=_ratio(body, offer, follows=bool(sources)),
        resolution=resolution,
        adjusted=(*adjusted, *masked, *((PARAMS_LEFT_OUT,) if params else ())),
        echo={"model_params": params} if params else {},
    )


async def read_callback(body: Mapping[str, Any], desk: Desk) -> str | None:
    """The address to tell the end to. Raises Problem(BAD_REQUEST)."""
    url = text(body, "callback_url")
    if url is None:
        return None
    if not url or len(url) > MAX_CALLBACK:
        raise bad("callback_url", f"callback_url {CALLBACK_RULE}")
    try:
        await desk.callback(url)
    except Problem as problem:
        if problem.kind is not Kind.BAD_REQUEST:
            raise
        raise bad("callback_url", f"callback_url {CALLBACK_RULE}") from None
    return url


def _prompt(body: Mapping[str, Any], offer: Offer) -> str:
    prompt = required(body, "prompt")
    if len(prompt) > offer.prompt_characters:
        longest = f"{offer.prompt_characters} characters for {offer.names[0]}"
        raise bad("prompt", f"prompt is too long: at most {longest}, got {len(prompt)}")
    return prompt


def _count(body: Mapping[str, Any], offer: Offer) -> int:
    value, most = body.get("n"), min(MAX_IMAGES, offer.max_count)
    if value is None:
        return 1
    if not is_integer(value) or not 1 <= value <= most:
        raise bad("n", f"n must be an integer from 1 to {most}")
    return int(value)


def _ratio(body: Mapping[str, Any], offer: Offer, *, follows: bool) -> str | None:
    """None follows the last picture; without one it is the model's own ratio."""
    size = text(body, "size")
    if size is None:
        return None if follows else offer.default_ratio
    if size == "auto":
        return None
    if size not in offer.ratios:
        known = ", ".join(("auto", *offer.ratios))
        raise bad("size", f"size must be one of {known} for {offer.names[0]}, got {clip(size)}")
    return size


def _resolution(body: Mapping[str, Any], offer: Offer) -> tuple[str, tuple[str, ...]]:
    """The resolution, and the sentence that says so where the model lacks the one asked for."""
    quality = text(body, "quality")
    if quality is None:
        return offer.default_resolution, ()
    nearest = nearest_resolution(offer, quality)
    if nearest is None:
        known = ", ".join(tier for tier in TIERS if tier != "512")
        raise bad("quality", f"quality must be one of {known}, got {clip(quality)}")
    return nearest, () if same_tier(nearest, quality) else (f"quality {quality} -> {nearest}",)


def _model_params(body: Mapping[str, Any]) -> dict[str, Any]:
    """The vendor's bag of extras. None of its keys is known for these models: kept, and said."""
    value = body.get("model_params")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise bad("model_params", "model_params must be an object")
    return value
