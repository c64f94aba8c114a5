"""The models as Google lists them: one item for each name, page by page."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from generations.dialects.gemini.paging import page_size, page_token
from generations.dialects.gemini.proto import bad
from generations.spec import Offer
from generations.wording import listed

PAGE, LONGEST_PAGE = 50, 1000
VERSION = re.compile(r"\d+(\.\d+)?")
METHODS = ["generateContent", "countTokens"]


def model_item(offer: Offer, name: str) -> dict[str, Any]:
    """One model by one of its names."""
    version = VERSION.search(offer.model)
    return {
        "name": f"models/{name}",
        "baseModelId": offer.model,
        "version": version[0] if version else "1",
        "displayName": offer.title,
        "description": offer.description,
        "inputTokenLimit": offer.input_token_limit,
        "outputTokenLimit": offer.output_token_limit,
        "supportedGenerationMethods": METHODS,
        "temperature": 1,
        "topP": 0.95,
        "topK": 64,
        "maxTemperature": 2,
    }


def models_page(offers: Sequence[Offer], query: Mapping[str, str]) -> dict[str, Any]:
    """One page of the models the key may use. Raises Problem(BAD_REQUEST) for a bad size or token."""
    size, begin = page_size(query, PAGE, LONGEST_PAGE), _begin(query)
    items = [(offer, name) for offer in listed(offers) for name in offer.names]
    page: dict[str, Any] = {"models": [model_item(*item) for item in items[begin : begin + size]]}
    if begin + size < len(items):
        page["nextPageToken"] = urlsafe_b64encode(str(begin + size).encode()).decode().rstrip("=")
    return page


def _begin(query: Mapping[str, str]) -> int:
    token = page_token(query)
    if not token:
        return 0
    try:
        text = urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii")
    except ValueError:
        text = ""
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise bad("pageToken", "'pageToken' is not one that a list of models gave.")
    return int(text)
