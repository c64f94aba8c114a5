"""The pictures of an edit: where the request holds them, and how to say that one is none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from generations.dialect import Desk
from generations.dialects.openai.fields import Fields
from generations.errors import Problem
from generations.multipart import File, Form
from generations.spec import Input, Kind, Offer, Source
from generations.wording import type_name

MAX_IMAGES = 16
MASK_BYTES = 4 * 2**20
URL_BYTES = 10 * 2**20
INLINE_BYTES = 7 * 2**20
IMAGE_PART = re.compile(r"(image|images|file)(\[[0-9]*\])?")
# Plain http is left to the desk: it knows which links are our own.
READABLE = re.compile(r"https?://|data:image/[a-z0-9.+-]+;base64,", re.IGNORECASE)
RULE = "must be an https URL or a base64 data URL"
NO_FILE = "image file is required for multipart/form-data requests"
NO_MARKUP = "Not offered here; send the marked picture as one of the images"


class Named(NamedTuple):
    """A picture and its place in the request; a file has no URL."""

    field: str
    url: str | None = None
    data: bytes = b""
    role: str = "image"


# ---- where they are --------------------------------------------------------------------------


def of_json(fields: Fields) -> list[Named]:
    """`images` and `mask` of a JSON body; what is wrong is noted in `fields`."""
    refuse_markup(fields)
    images, found = fields.body.get("images"), list[Named]()
    if images is None:
        fields.refuse("images", "Required")
    elif not isinstance(images, list):
        fields.refuse("images", f"Expected array, received {type_name(images)}")
    else:
        _check_length(fields, len(images))
        places = [f"images[{number}]" for number in range(len(images))]
        found = [_reference(fields, place, item) for place, item in zip(places, images, strict=True)]
    if fields.body.get("mask") is not None:
        found.append(_reference(fields, "mask", fields.body["mask"])._replace(role="mask"))
    return found


def of_form(fields: Fields, form: Form) -> list[Named]:
    """The files of a form, in the order they were sent, the mask last. Raises Problem(BAD_REQUEST)
    when there is none."""
    files = [file for file in form.files if file.data or file.filename]  # a browser's empty input is none
    images = [file for file in files if IMAGE_PART.fullmatch(file.name)]
    masks = [file for file in files if file.name == "mask"]
    _refuse_texts(fields)
    if any(file.name == "markup" for file in files):
        fields.refuse("markup", NO_MARKUP)
    if len(masks) > 1:
        fields.refuse("mask", "Sent more than once")
    fields.check()
    if not images:
        raise Problem(Kind.BAD_REQUEST, NO_FILE, param="image")
    return [*_named(images), *(Named("mask", data=mask.data, role="mask") for mask in masks)]


def refuse_markup(fields: Fields) -> None:
    if fields.body.get("markup") is not None:
        fields.refuse("markup", NO_MARKUP)


def _refuse_texts(fields: Fields) -> None:
    """A picture must be a file: the name of one, or its address, would be dropped unseen."""
    for name in fields.body:
        if name in ("mask", "markup") or IMAGE_PART.fullmatch(name):
            fields.refuse(name, "Expected file, received string")


def _named(images: Sequence[File]) -> list[Named]:
    if len(images) == 1:
        return [Named("image", data=images[0].data)]
    return [Named(f"image[{number}]", data=file.data) for number, file in enumerate(images)]


def _reference(fields: Fields, place: str, item: Any) -> Named:
    """One `{"image_url": ...}`."""
    url = item.get("image_url") if isinstance(item, dict) else None
    if not isinstance(item, dict):
        fields.refuse(place, f"Expected object, received {type_name(item)}")
    elif url is None and item.get("file_id") is not None:
        fields.refuse(f"{place}.file_id", "Files are not offered here; send image_url")
    elif url is None:
        fields.refuse(f"{place}.image_url", "Required")
    elif not isinstance(url, str):
        fields.refuse(f"{place}.image_url", f"Expected string, received {type_name(url)}")
    return Named(f"{place}.image_url", url=url if isinstance(url, str) else "")


def _check_length(fields: Fields, count: int) -> None:
    if count < 1:
        fields.refuse("images", "Array must contain at least 1 element(s)")
    if count > MAX_IMAGES:
        fields.refuse("images", f"Array must contain at most {MAX_IMAGES} element(s)")


# ---- what they may be ------------------------------------------------------------------------


def source(picture: Named, offer: Offer) -> Source:
    """The picture as the desk takes it. Raises Problem(BAD_REQUEST) for what is no URL we read, and
    for an empty file."""
    if picture.url is not None and not READABLE.match(picture.url):
        raise Problem(Kind.BAD_REQUEST, f"{picture.field} {RULE}", param=picture.field)
    if picture.url is None and not picture.data:
        message = f"{picture.field} is invalid: the file is empty"
        raise Problem(Kind.BAD_REQUEST, message, param=picture.field)
    limit = _limit(picture.url, offer)
    if picture.role == "mask":
        limit = min(limit, MASK_BYTES)
    return Source(picture.field, picture.url or "", picture.data, picture.role, limit)


def _limit(url: str | None, offer: Offer) -> int:
    """Bytes that a picture may have, by the way it comes."""
    if url is None:
        return offer.reference_bytes
    return INLINE_BYTES if url[:5].lower() == "data:" else URL_BYTES


def check_count(found: Sequence[Source], offer: Offer) -> None:
    """Raises Problem(BAD_REQUEST) for more pictures than the model takes."""
    images = sum(picture.role == "image" for picture in found)
    if images > (most := min(MAX_IMAGES, offer.max_references)):
        name = found[0].field.partition("[")[0]
        message = f"Invalid request parameters: {name}: Array must contain at most {most} element(s)"
        raise Problem(Kind.BAD_REQUEST, message, param=name)


async def taken(found: Sequence[Source], desk: Desk) -> tuple[Input, ...]:
    """The stored pictures. Raises Problem: TOO_LARGE, or BAD_REQUEST saying what is wrong with which."""
    try:
        return await desk.take(found)
    except Problem as problem:
        if problem.kind not in (Kind.BAD_REQUEST, Kind.UNSUPPORTED_MEDIA):
            raise
        raise _invalid(problem, found) from None


def _invalid(problem: Problem, found: Sequence[Source]) -> Problem:
    """In the vendor's phrase. A picture of a wrong type is a bad value, the request's type is not."""
    field = problem.param or "image"
    url = next((picture.url for picture in found if picture.field == field), "")
    if problem.facts.get("reason") == "url_not_allowed" and url[:5].lower() == "http:":
        return Problem(Kind.BAD_REQUEST, f"{field} {RULE}", param=field)
    reason = problem.message.removeprefix(field).strip()
    return Problem(Kind.BAD_REQUEST, f"{field} is invalid: it {reason}", param=field)
