"""The request of an order in each vendor's words.

A door says in a note whatever it has no words for. Pictures are named by the links that
`Order.echo["references"]` keeps for them; one without a link stands as a placeholder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from generations.snippets import limits
from generations.snippets.limits import PLACEHOLDER, REFERENCES
from generations.spec import Offer, Order, Picture, Text, Turn

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """What is POSTed: a path under our own address, a JSON body, and notes on what it leaves out."""

    path: str
    body: Body
    notes: tuple[str, ...] = ()


def links_of(order: Order) -> list[str]:
    """An address for each input, in their order."""
    known: Sequence[str | None] = order.echo.get(REFERENCES) or ()
    found = [known[place] if place < len(known) else None for place in range(len(order.inputs))]
    return [url or PLACEHOLDER.format(place + 1) for place, url in enumerate(found)]


def _pictures(order: Order, role: str = "image") -> list[str]:
    links = links_of(order)
    return [link for link, given in zip(links, order.inputs, strict=True) if given.role == role]


def _mask(order: Order) -> str | None:
    return next(iter(_pictures(order, "mask")), None)


# ---- the five ----------------------------------------------------------------------------------


def openai(order: Order, offer: Offer) -> Call:
    fits, notes = limits.fitted("openai", order, offer)
    body: Body = {"model": offer.names[0], "prompt": fits.prompt}
    _put(body, "aspect_ratio", fits.ratio)
    _put(body, "size", fits.resolution if fits.resolution != offer.default_resolution else None)
    _put(body, "n", fits.count if fits.count > 1 else None)
    _put(body, "output_format", fits.format)
    _put(body, "output_compression", fits.compression)
    _put(body, "background", fits.background)
    _put(body, "quality", fits.quality)
    _put(body, "style", fits.style)
    shown, mask = _last(fits, offer), _mask(fits)
    if shown:
        body["images"] = [{"image_url": link} for link in shown]
        _put(body, "mask", {"image_url": mask} if mask else None)
    return Call(f"/openai/v1/images/{'edits' if shown else 'generations'}", body, notes)


def gemini(order: Order, offer: Offer) -> Call:
    fits, notes = limits.fitted("gemini", order, offer)
    config: Body = {}
    _put(config, "candidateCount", fits.count if fits.count > 1 else None)
    _put(config, "imageConfig", _image_config(fits, offer) or None)
    config |= _sampling(fits)
    body: Body = {"contents": _contents(fits)}
    _put(body, "systemInstruction", {"parts": [{"text": fits.system}]} if fits.system else None)
    _put(body, "safetySettings", _safety(fits) or None)
    _put(body, "generationConfig", config or None)
    return Call(f"/gemini/v1beta/models/{offer.names[0]}:generateContent", body, notes)


def evolink(order: Order, offer: Offer) -> Call:
    fits, notes = limits.fitted("evolink", order, offer)
    body: Body = {"model": offer.names[0], "prompt": fits.prompt, "size": fits.ratio or "auto"}
    _put(body, "quality", _tier(fits.resolution) if len(offer.resolutions) > 1 else None)
    _put(body, "n", fits.count if fits.count > 1 else None)
    _put(body, "image_urls", _last(fits, offer) or None)
    _put(body, "mask_url", _mask(fits))
    _put(body, "callback_url", fits.callback_url)
    return Call("/evolink/v1/images/generations", body, notes)


def toapis(order: Order, offer: Offer) -> Call:
    fits, notes = limits.fitted("toapis", order, offer)
    body: Body = {"model": offer.names[0], "prompt": fits.prompt}
    _put(body, "size", fits.ratio)
    _put(body, "resolution", _tier(fits.resolution) if len(offer.resolutions) > 1 else None)
    _put(body, "image_urls", _last(fits, offer) or None)
    _put(body, "metadata", _metadata(fits) or None)
    return Call("/toapis/v1/images/generations", body, notes)


def gmi(order: Order, offer: Offer) -> Call:
    fits, notes = limits.fitted("gmi", order, offer)
    payload: Body = {}
    if fits.turns:
        payload["contents"] = _contents(fits)
    else:
        payload["prompt"] = fits.prompt
        _put(payload, "image", _last(fits, offer) or None)
    _put(payload, "aspect_ratio", fits.ratio)
    _put(payload, "image_size", fits.resolution if len(offer.resolutions) > 1 else None)
    _put(payload, "image_output_format", fits.format)
    _put(payload, "temperature", fits.sampling.temperature)
    _put(payload, "top_p", fits.sampling.top_p)
    body = {"model": offer.names[0], "payload": payload}
    return Call("/gmi/api/v1/ie/requestqueue/apikey/requests", body, notes)


BODIES: Final[Mapping[str, Callable[[Order, Offer], Call]]] = {
    "openai": openai,
    "gemini": gemini,
    "evolink": evolink,
    "toapis": toapis,
    "gmi": gmi,
}


# ---- pieces ------------------------------------------------------------------------------------


def _last(order: Order, offer: Offer) -> list[str]:
    """As many of the pictures as the door takes, the newest for sure."""
    return _pictures(order)[-offer.max_references :]


def _put(body: Body, name: str, value: Any) -> None:
    if value is not None:
        body[name] = value


def _tier(resolution: str) -> str:
    """As the vendors with a `0.5K` spell it."""
    return "0.5K" if resolution == "512" else resolution


def _image_config(order: Order, offer: Offer) -> Body:
    config: Body = {}
    _put(config, "aspectRatio", order.ratio)
    _put(config, "imageSize", order.resolution if len(offer.resolutions) > 1 else None)
    options: Body = {}
    _put(options, "mimeType", f"image/{order.format}" if order.format else None)
    _put(options, "compressionQuality", order.compression)
    _put(config, "imageOutputOptions", options or None)
    return config


def _sampling(order: Order) -> Body:
    given, config = order.sampling, Body()
    _put(config, "temperature", given.temperature)
    _put(config, "topP", given.top_p)
    _put(config, "topK", given.top_k)
    _put(config, "maxOutputTokens", given.max_output_tokens)
    _put(config, "seed", given.seed)
    _put(config, "stopSequences", list(given.stop) or None)
    return config


def _safety(order: Order) -> list[Body]:
    return [{"category": category, "threshold": threshold} for category, threshold in order.sampling.safety]


def _metadata(order: Order) -> Body:
    given, found = order.sampling, Body()
    _put(found, "temperature", given.temperature)
    _put(found, "topP", given.top_p)
    _put(found, "maxOutputTokens", given.max_output_tokens)
    _put(found, "safetySettings", _safety(order) or None)
    options: Body = {}
    _put(options, "mimeType", f"image/{order.format}" if order.format else None)
    _put(options, "compressionQuality", order.compression)
    _put(found, "imageOutputOptions", options or None)
    return found


# ---- conversations -----------------------------------------------------------------------------


def _contents(order: Order) -> list[Body]:
    """Gemini's Content objects: the turns, or the prompt with its pictures behind it."""
    pictures = [place for place, given in enumerate(order.inputs) if given.role == "image"]
    turns = order.turns or (Turn("user", (Text(order.prompt), *map(Picture, pictures))),)
    return [{"role": turn.role, "parts": [_part(part, order) for part in turn.parts]} for turn in turns]


def _part(part: Text | Picture, order: Order) -> Body:
    if isinstance(part, Text):
        said: Body = {"text": part.text}
        _put(said, "thought", part.thought or None)
    else:
        uri, mime = links_of(order)[part.input], order.inputs[part.input].mime
        said = {"fileData": {"fileUri": uri, "mimeType": mime}}
    _put(said, "thoughtSignature", part.signature)
    return said
