"""`imageConfig` and its newer form `responseFormat.image`: ratio, resolution, file type, people."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from generations.dialects.gemini.proto import Message, bad, wrong
from generations.spec import Offer
from generations.wording import nearest_resolution

T = TypeVar("T")

FORMATS = {"image/png": "png", "image/jpeg": "jpeg", "image/webp": "webp"}
SIZES = ("512", "1K", "2K", "4K")  # with a capital K, as Google has it
SIZE_WORDS = {
    "IMAGE_SIZE_UNSPECIFIED": None,
    "IMAGE_SIZE_FIVE_TWELVE": "512",
    "IMAGE_SIZE_ONE_K": "1K",
    "IMAGE_SIZE_TWO_K": "2K",
    "IMAGE_SIZE_FOUR_K": "4K",
}
RATIO_WORD = re.compile(r"ASPECT_RATIO_([A-Z_]+)_BY_([A-Z_]+)")
NUMBERS = {
    "ONE": 1,
    "TWO": 2,
    "THREE": 3,
    "FOUR": 4,
    "FIVE": 5,
    "EIGHT": 8,
    "NINE": 9,
    "SIXTEEN": 16,
    "TWENTY_ONE": 21,
}
PEOPLE = {
    "ALLOW_ALL": "",
    "ALLOW_ADULT": "If people appear in the image, show adults only.",
    "ALLOW_NONE": "Show no people in the image.",
}
PROMINENT = ("PROMINENT_PEOPLE_UNSPECIFIED", "ALLOW_PROMINENT_PEOPLE", "BLOCK_PROMINENT_PEOPLE")
NOT_FAMOUS = "Show nobody who is widely known."
DELIVERIES = ("DELIVERY_UNSPECIFIED", "INLINE", "URI")
BY_WORDS = "as words in the system instruction"


@dataclass(frozen=True, slots=True)
class Shape:
    """`people` says in words whom to show, empty for anybody."""

    ratio: str | None
    resolution: str
    format: str | None
    compression: int | None
    people: str


def read_shape(config: Message, offer: Offer, adjusted: list[str]) -> Shape:
    """The picture's shape; notes in `adjusted` what the model does not have exactly. Raises
    Problem(BAD_REQUEST), also for two forms that contradict each other."""
    old, new = config.message("imageConfig"), config.message("responseFormat").message("image")
    options = old.message("imageOutputOptions")
    _note_delivery(new, adjusted)
    format = _once(new.at("mimeType"), (_format(old, "outputMimeType"), *map(_format, (options, new))))
    quality = _once(
        options.at("compressionQuality"),
        (_percent(old, "outputCompressionQuality"), _percent(options, "compressionQuality")),
    )
    return Shape(
        ratio=_once(new.at("aspectRatio"), (_ratio(old, offer), _ratio(new, offer))),
        resolution=_resolution(_once(new.at("imageSize"), (_size(old), _size(new))), offer, adjusted),
        format=format,
        compression=_compression(quality, format, adjusted),
        people=_people(old, adjusted),
    )


def _once(path: str, given: Iterable[T | None]) -> T | None:
    found = {value for value in given if value is not None}
    if len(found) > 1:
        raise bad(path, f"'{path}' contradicts the same setting in generationConfig.imageConfig.")
    return next(iter(found), None)


def _ratio(image: Message, offer: Offer) -> str | None:
    asked = image.text("aspectRatio")
    if asked is None or asked.upper() == "ASPECT_RATIO_UNSPECIFIED":
        return None
    ratio = _ratio_of(asked)
    if ratio not in offer.ratios:
        known = f"{offer.names[0]} draws {', '.join(offer.ratios)}"
        raise wrong(image.at("aspectRatio"), "TYPE_STRING", asked, known)
    return ratio


def _ratio_of(asked: str) -> str:
    """`16:9`, also of `ASPECT_RATIO_SIXTEEN_BY_NINE`."""
    found = RATIO_WORD.fullmatch(asked.upper())
    return f"{NUMBERS.get(found[1])}:{NUMBERS.get(found[2])}" if found else asked


def _size(image: Message) -> str | None:
    asked = image.text("imageSize")
    if asked is None or asked in SIZES:
        return asked
    if asked.upper() in SIZE_WORDS:
        return SIZE_WORDS[asked.upper()]
    raise wrong(image.at("imageSize"), "TYPE_STRING", asked, f"expected one of {', '.join(SIZES)}")


def _resolution(asked: str | None, offer: Offer, adjusted: list[str]) -> str:
    if asked is None:
        return offer.default_resolution
    nearest = nearest_resolution(offer, asked) or offer.default_resolution
    if nearest != asked:
        adjusted.append(f"imageSize {asked} -> {nearest}")
    return nearest


def _format(holder: Message, name: str = "mimeType") -> str | None:
    asked = holder.text(name)
    if asked is None:
        return None
    if asked.lower() not in FORMATS:
        raise wrong(holder.at(name), "TYPE_STRING", asked, f"expected one of {', '.join(FORMATS)}")
    return FORMATS[asked.lower()]


def _percent(holder: Message, name: str) -> int | None:
    value = holder.integer(name)
    if value is not None and not 0 <= value <= 100:
        raise bad(holder.at(name), f"'{holder.at(name)}' must be from 0 to 100.")
    return value


def _compression(quality: int | None, format: str | None, adjusted: list[str]) -> int | None:
    if quality is None or format in ("jpeg", "webp"):
        return quality
    adjusted.append(f"compressionQuality {quality} -> none for {format or 'png'}")
    return None


def _people(image: Message, adjusted: list[str]) -> str:
    """What is wanted of people, in words: the engine has no other way to be told."""
    asked, famous = image.word("personGeneration", PEOPLE), image.word("prominentPeople", PROMINENT)
    if asked and PEOPLE[asked]:
        adjusted.append(f"personGeneration {asked} -> {BY_WORDS}")
    if famous == PROMINENT[-1]:
        adjusted.append(f"prominentPeople {famous} -> {BY_WORDS}")
    words = (PEOPLE[asked] if asked else "", NOT_FAMOUS if famous == PROMINENT[-1] else "")
    return " ".join(filter(None, words))


def _note_delivery(image: Message, adjusted: list[str]) -> None:
    if image.word("delivery", DELIVERIES) == "URI":
        adjusted.append("delivery URI -> INLINE")
