"""`image_urls` and `mask_url`: public links to pictures, or links of the files API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from generations.dialect import Desk
from generations.dialects.evolink.fields import bad, text
from generations.errors import Problem
from generations.spec import Input, Kind, Offer, Source

# Plain http is left to the desk: it knows which links are our own.
SCHEMES = ("https://", "http://")
RULE = "must be a public https URL; a picture without one can be uploaded to /api/v1/files first"
MASKED = "mask_url -> as an extra picture, with the rest restored from the first one"


def read_sources(body: Mapping[str, Any], offer: Offer) -> tuple[Source, ...]:
    """The pictures in their order, the mask last, not fetched yet. Raises Problem(BAD_REQUEST)."""
    images = _images(body, offer)
    mask = text(body, "mask_url")
    if mask is None:
        return images
    if not images:
        raise bad("mask_url", "mask_url needs image_urls: a mask belongs to the first picture")
    return (*images, _source("mask_url", mask, offer, role="mask"))


def _images(body: Mapping[str, Any], offer: Offer) -> tuple[Source, ...]:
    value = body.get("image_urls")
    if value is None:
        return ()
    if not isinstance(value, list):
        raise bad("image_urls", "image_urls must be an array of URLs")
    if len(value) > offer.max_references:
        most = f"at most {offer.max_references} images for {offer.names[0]}"
        raise bad("image_urls", f"image_urls takes {most}, got {len(value)}")
    return tuple(_source(f"image_urls[{number}]", url, offer) for number, url in enumerate(value))


def _source(field: str, url: Any, offer: Offer, role: str = "image") -> Source:
    if not isinstance(url, str) or not url.strip().lower().startswith(SCHEMES):
        raise bad(field, f"{field} {RULE}")
    return Source(field, url=url.strip(), role=role, limit=offer.reference_bytes)


async def take(sources: Sequence[Source], desk: Desk) -> tuple[Input, ...]:
    """The stored pictures. Raises what `desk.take` raises, in this door's words: a picture of another
    type is a bad value here, since the request's own type is right."""
    if not sources:
        return ()
    try:
        return await desk.take(sources)
    except Problem as problem:
        if _is_plain(problem, sources):
            raise bad(problem.param or "image_urls", f"{problem.param} {RULE}") from None
        if problem.kind is Kind.UNSUPPORTED_MEDIA:
            raise bad(problem.param or "image_urls", problem.message) from None
        raise


def _is_plain(problem: Problem, sources: Sequence[Source]) -> bool:
    """Whether it was refused for being plain http, and nobody's link of ours."""
    if problem.facts.get("reason") != "url_not_allowed":
        return False
    return any(s.field == problem.param and s.url[:5].lower() == "http:" for s in sources)
