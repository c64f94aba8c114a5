"""`image_urls` and its newer name `reference_images`: plain strings, or objects `{"url": ...}`; `image`
where a form asks for an edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from generations.errors import Problem
from generations.spec import Kind, Offer, Source
from generations.wording import type_name

NAMES = ("image_urls", "reference_images")
ONLY_URLS = "only supports http(s) URLs; upload the image first"


def read_references(body: Mapping[str, Any], offer: Offer) -> tuple[Source, ...]:
    """The reference images in their order, not fetched yet. Raises Problem(BAD_REQUEST) naming the rule."""
    given = [name for name in NAMES if body.get(name) not in (None, [])]
    if len(given) > 1:
        raise _bad(given[1], "reference_images is another name of image_urls; send only one of them")
    return _listed(given[0], body[given[0]], offer) if given else ()


def sources_of(name: str, items: list[Any], offer: Offer) -> tuple[Source, ...]:
    """The images that a field of that name holds. Raises Problem(BAD_REQUEST)."""
    if len(items) > offer.max_references:
        raise _bad(name, f"{name} takes at most {offer.max_references} images, got {len(items)}")
    return tuple(_source(name, index, item, offer) for index, item in enumerate(items))


def _listed(name: str, value: Any, offer: Offer) -> tuple[Source, ...]:
    if not isinstance(value, list):
        raise _bad(name, f"{name} must be an array of URLs, got {type_name(value)}")
    return sources_of(name, value, offer)


def _source(name: str, index: int, item: Any, offer: Offer) -> Source:
    """The vendor's sentence names `image_urls` under either of its names; plain http is documented."""
    place = f"{name}[{index}]"
    url = item.get("url") if isinstance(item, dict) else item
    if not isinstance(url, str):
        raise _bad(place, f'{place} must be a URL or an object {{"url": "..."}}')
    if not url.lower().startswith(("https://", "http://")):
        said = NAMES[0] if name in NAMES else name
        raise _bad(said, f"{said} {ONLY_URLS}")
    return Source(place, url=url, limit=offer.reference_bytes, http=True)


def _bad(param: str, message: str) -> Problem:
    return Problem(Kind.BAD_REQUEST, message, param=param)
