"""The pictures of a request: where they stand, which of them go along, how each is fetched.

read_images(payload, offer)   those of `payload.image`
carried(said, most)           those of a conversation that its next picture is made from
source_of(reference, offer)   what the gate is to fetch or decode
address_of(reference)         the URL that names it in the next turn
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from generations.dialects.gmi.contents import PATH, STANDARD, Reference, Said
from generations.dialects.gmi.fields import bad
from generations.errors import Problem
from generations.spec import Kind, Offer, Source
from generations.wording import type_name

INLINE_BYTES = 7 * 2**20
SCHEMES = ("https://", "http://", "gs://", "data:")
RULE = "must be a URL (https:// or gs://) or a data URI"


def read_images(payload: Mapping[str, Any], offer: Offer) -> tuple[Reference, ...]:
    """`image`: a URL or data URI, or an array of them; not fetched yet. Raises
    Problem(BAD_REQUEST)."""
    value = payload.get("image")
    if value in (None, "", []):
        return ()
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list):
        raise bad("payload.image", f"must be a URL or an array of URLs, got {type_name(value)}")
    if len(items) > offer.max_references:
        raise bad("payload.image", f"takes at most {offer.max_references} images, got {len(items)}")
    return tuple(_image(item, f"payload.image[{index}]") for index, item in enumerate(items))


def _image(item: Any, path: str) -> Reference:
    if not isinstance(item, str) or not item.strip():
        raise bad(path, RULE)
    return Reference(path, uri=item.strip())


# ---- a conversation --------------------------------------------------------------------------


def carried(said: tuple[Said, ...], most: int) -> tuple[Reference, ...]:
    """The pictures that go along, in their order: those of the last turn, which may be `most`; before
    it the newest ones while there is room, and always the newest that the model made. Raises
    Problem(BAD_REQUEST) for a last turn with too many."""
    now = list(_of(said[-1:]))
    if len(now) > most:
        raise bad(PATH, f"takes at most {most} images in its last turn, got {len(now)}")
    before = list(_of(said[:-1]))
    drawn = list(_of(turn for turn in said[:-1] if turn.role == "model"))[-1:]
    others = [one for one in before if one not in drawn]
    room = max(most - len(now) - len(drawn), 0)
    kept = drawn + (others[-room:] if room else [])
    return (*(one for one in before if one in kept), *now)


def pictures_in(said: tuple[Said, ...]) -> int:
    """How many a conversation holds."""
    return len(list(_of(said)))


def _of(turns: Iterable[Said]) -> Iterator[Reference]:
    return (part for turn in turns for part in turn.parts if isinstance(part, Reference))


# ---- for the gate ----------------------------------------------------------------------------


def source_of(reference: Reference, offer: Offer) -> Source:
    """Raises Problem(BAD_REQUEST, TOO_LARGE)."""
    if reference.data:
        return Source(reference.path, data=_decoded(reference), limit=INLINE_BYTES)
    if not reference.uri.lower().startswith(SCHEMES):
        raise bad(reference.path, RULE)
    limit = INLINE_BYTES if _is_data(reference.uri) else offer.reference_bytes
    return Source(reference.path, url=reference.uri, limit=limit)


def address_of(reference: Reference) -> str | None:
    """None for a picture that came inside the request."""
    return None if _is_data(reference.uri) else reference.uri or None


def shown_image(item: Any) -> Any:
    """An `image` as the record shows it: of a data URI only what it says of itself."""
    return item.partition(",")[0] if isinstance(item, str) and _is_data(item.strip()) else item


def _is_data(uri: str) -> bool:
    return uri[:5].lower() == "data:"


def _decoded(reference: Reference) -> bytes:
    """The bytes, from either alphabet of base64, with or without its padding."""
    digits = reference.data.rstrip("=")
    if len(digits) * 3 // 4 > INLINE_BYTES:
        limit = f"at most {INLINE_BYTES // 2**20} MB inline"
        raise Problem(Kind.TOO_LARGE, f"{reference.path} is too large: {limit}", param=reference.path)
    try:
        padded = digits.translate(STANDARD) + "=" * (-len(digits) % 4)
        data = base64.b64decode(padded, validate=True)
    except ValueError:
        data = b""
    if not data:
        raise bad(f"{reference.path}.data", "must be base64")
    return data
