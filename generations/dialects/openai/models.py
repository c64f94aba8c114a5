"""A model of the catalogue as LLM Gateway lists it, which OpenAI clients read too."""

from __future__ import annotations

from typing import Any

from generations.spec import Offer
from generations.wording import decimal_text, dollars

OWNERS = {"gemini": "google", "imagen": "google", "gpt": "openai"}
PARAMETERS = [
    *("prompt", "n", "size", "aspect_ratio", "quality", "style", "background", "output_format"),
    *("output_compression", "images", "mask", "stream", "partial_images"),
]


def model_item(offer: Offer) -> dict[str, Any]:
    """The list item. Prices are strings in US dollars per token; input is free here."""
    owner = OWNERS.get(offer.model.partition("-")[0], "easel")
    return {
        "id": offer.names[0],
        "object": "model",
        "name": offer.title,
        "aliases": list(offer.names[1:]),
        "created": offer.released,
        "owned_by": owner,
        "description": offer.description,
        "family": owner,
        "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["image"]},
        "top_provider": {"is_moderated": True},
        "providers": [],
        "pricing": {
            "prompt": "0",
            "completion": decimal_text(dollars(offer.unit_price)),
            "image": "0",
            "request": "0",
        },
        "context_length": offer.input_token_limit,
        "supported_parameters": PARAMETERS,
        "json_output": False,
        "structured_outputs": False,
        "free": False,
    }
