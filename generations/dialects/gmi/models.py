"""A model of the catalogue as GMI Cloud describes it: a document with its parameters."""

from __future__ import annotations

from typing import Any

from generations.dialects.gmi.order import FORMATS, SIZES
from generations.spec import Offer, Size
from generations.wording import dollars, json_number


def model_document(offer: Offer) -> dict[str, Any]:
    """The document, its fields in the documented order. Prices are in dollars per image."""
    return {
        "model": offer.names[0],
        "org_id": "google" if offer.model.startswith("gemini") else "easel",
        "brief_description": offer.description,
        "detailed_description": _guide(offer),
        "modalities": {"input": ["text", "image"], "output": ["image"]},
        "parameters": _parameters(offer),
        "pricing_details": _pricing(offer),
    }


def _guide(offer: Offer) -> str:
    return (
        f"# {offer.title}\n\n{offer.description}\n\n"
        f"Send `payload.prompt`, or `payload.contents` to go on with a conversation: the answer's "
        f"`next_turn_contents` is ready to be filled in and sent back. One request makes one image. "
        f"Reads up to {offer.input_token_limit} tokens and {offer.max_references} pictures."
    )


def _parameters(offer: Offer) -> list[dict[str, Any]]:
    sizes = [size for size in SIZES if size in offer.resolutions]
    found = [
        _parameter(
            "prompt", "Text prompt", "What to draw; not needed with contents.", "string", required=True
        ),
        _parameter("image", "Reference images", f"Up to {offer.max_references} URLs.", "array"),
        _choice("aspect_ratio", "Aspect ratio", "Output ratio.", offer.ratios, offer.default_ratio),
        _choice("image_output_format", "Output format", "File format.", FORMATS, "png"),
        _parameter("contents", "Conversation", "Multi-turn; replaces prompt and image.", "array"),
        _parameter("temperature", "Temperature", "From 0 to 2.", "number", default=1.0),
        _parameter("top_p", "Top P", "From 0 to 1.", "number", default=0.95),
    ]
    if len(sizes) > 1:
        size = _choice("image_size", "Image size", "Output size.", sizes, offer.default_resolution)
        found.insert(3, size)
    return found


def _parameter(
    name: str, title: str, description: str, type_: str, *, required: bool = False, **more: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "display_name": title,
        "description": description,
        "type": type_,
        "required": required,
        **more,
    }


def _choice(name: str, title: str, description: str, options: Any, default: str | None) -> dict[str, Any]:
    told = {"options": list(options)} if default is None else {"default": default, "options": list(options)}
    return _parameter(name, title, description, "enum", **told)


def _pricing(offer: Offer) -> dict[str, Any]:
    """The price of an image of the default size; of every size, where they differ in size."""
    cells = {cell.resolution: cell for cell in offer.sizes if cell.resolution in offer.resolutions}
    details: dict[str, Any] = {
        "unit": "image",
        "price": _price(cells[offer.default_resolution], offer),
        "currency": "USD",
    }
    if len(cells) > 1:
        details["prices"] = {resolution: _price(cell, offer) for resolution, cell in cells.items()}
    return details


def _price(cell: Size, offer: Offer) -> int | float:
    return json_number(dollars(cell.tokens * offer.unit_price))
