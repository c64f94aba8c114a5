"""`image_urls` and its newer name `reference_images`: plain strings, or objects `{"url": ...}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from generations.errors import Problem
from generations.spec import Kind, Offer
from generations.wording import type_name

NAMES = ("image_urls", "reference_images")
ONLY_URLS = "image_urls only supports http(s) URLs; upload the image first"


def read_references(body: Mapping[str, Any], offer: Offer) -> tuple[str, ...]:
    """The URLs in their order, not fetched yet. Raises Problem(BAD_REQUEST) naming the rule."""
    given = [name for name in NAMES if body.get(name) not in (None, [])]
    if len(given) > 1:
        raise _bad(given[1], "reference_images is another name of image_urls; send only one of them")
    return _urls(given[0], body[given[0]], offer) if given else ()


def refuse_references(urls: tuple[str, ...], body: Mapping[str, Any]) -> None:
    """Raises Problem(BAD_REQUEST) for any."""
    if urls:
        name = next(name for name in NAMES if body.get(name))
        raise _bad(name, f"{name} is not available yet")


def _urls(name: str, value: Any, offer: Offer) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _bad(name, f"{name} must be an array of URLs, got {type_name(value)}")
    if len(value) > offer.max_references:
        raise _bad(name, f"{name} takes at most {offer.max_references} images, got {len(value)}")
    return tuple(_url(f"{name}[{index}]", item) for index, item in enumerate(value))


def _url(name: str, item: Any) -> str:
    url = item.get("url") if isinstance(item, dict) else item
    if not isinstance(url, str):
        raise _bad(name, f'{name} must be a URL or an object {{"url": "..."}}')
    if not url.lower().startswith(("https://", "http://")):
        raise _bad(name, ONLY_URLS)
    return url


def _bad(param: str, message: str) -> Problem:
    return Problem(Kind.BAD_REQUEST, message, param=param)
