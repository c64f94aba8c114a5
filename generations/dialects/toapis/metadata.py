"""`metadata`: the settings of the official Gemini models, in Vertex' spelling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from generations.errors import Problem
from generations.spec import Kind, Offer, Sampling
from generations.wording import clip, is_integer, type_name

HARM = "HARM_CATEGORY_"
CATEGORIES = tuple(
    HARM + word
    for word in ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT", "CIVIC_INTEGRITY")
)
VERTEX_CATEGORIES = tuple(
    HARM + word
    for word in (
        *("JAILBREAK", "IMAGE_HATE", "IMAGE_DANGEROUS_CONTENT", "IMAGE_HARASSMENT"),
        "IMAGE_SEXUALLY_EXPLICIT",
    )
)
THRESHOLDS = ("BLOCK_LOW_AND_ABOVE", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_ONLY_HIGH", "BLOCK_NONE", "OFF")
PEOPLE = {
    "ALLOW_ALL": "",
    "ALLOW_ADULT": "If people appear in the image, show adults only.",
    "ALLOW_NONE": "Show no people in the image.",
}
BY_WORDS = "as words in the system instruction"
FORMATS = {"image/png": "png", "image/jpeg": "jpeg"}
OF_OTHER_MODELS = ("google_search", "orientation")


@dataclass(frozen=True, slots=True)
class Settings:
    """What `metadata` means. `system` is an instruction to the model, `adjusted` says what is done
    as near as possible only."""

    sampling: Sampling
    system: str
    format: str | None
    compression: int | None
    adjusted: tuple[str, ...]


def read_settings(metadata: dict[str, Any], offer: Offer) -> Settings:
    """The settings. Raises Problem(BAD_REQUEST) naming the field as `metadata.<key>`; keys that
    nobody documents are ignored."""
    tokens, clamped = _max_tokens(metadata, offer)
    people = _word(metadata, "personGeneration", tuple(PEOPLE))
    format_, compression, dropped = _output(metadata)
    safety, unknown = _safety(metadata)
    return Settings(
        sampling=Sampling(
            temperature=_number(metadata, "temperature", 2),
            top_p=_number(metadata, "topP", 1),
            max_output_tokens=tokens,
            safety=safety,
        ),
        system=PEOPLE[people] if people else "",
        format=format_,
        compression=compression,
        adjusted=(*clamped, *_people_said(people), *dropped, *unknown, *_of_other_models(metadata)),
    )


def _number(metadata: dict[str, Any], name: str, most: int) -> float | None:
    value = metadata.get(name)
    if value is None:
        return None
    if type(value) not in (int, float) or not 0 <= value <= most:
        raise _bad(name, f"must be a number from 0 to {most}")
    return float(value)


def _max_tokens(metadata: dict[str, Any], offer: Offer) -> tuple[int | None, tuple[str, ...]]:
    """Clamped to what the model can say, never refused for being large."""
    value, most = metadata.get("maxOutputTokens"), offer.output_token_limit
    if value is None:
        return None, ()
    if not is_integer(value) or value < 1:
        raise _bad("maxOutputTokens", "must be a positive integer")
    if value <= most:
        return int(value), ()
    return most, (f"maxOutputTokens {clip(str(value), 20)} -> {most}",)


def _word(options: dict[str, Any], name: str, words: tuple[str, ...]) -> str | None:
    value = options.get(name.rpartition(".")[2])
    if value is None:
        return None
    if value not in words:
        got = clip(value) if isinstance(value, str) else type_name(value)
        raise _bad(name, f"must be one of {', '.join(words)}, got {got}")
    return str(value)


def _people_said(people: str | None) -> tuple[str, ...]:
    """The engine has no switch for it: the model is told in words."""
    asked = bool(people) and people != "ALLOW_ALL"
    return (f"personGeneration {people} -> {BY_WORDS}",) if asked else ()


def _output(metadata: dict[str, Any]) -> tuple[str | None, int | None, tuple[str, ...]]:
    """Format and compression of `imageOutputOptions`; only JPEG is compressed with a quality."""
    options = metadata.get("imageOutputOptions")
    if options is None:
        return None, None, ()
    if not isinstance(options, dict):
        raise _bad("imageOutputOptions", "must be an object")
    mime = _word(options, "imageOutputOptions.mimeType", tuple(FORMATS))
    quality = _quality(options)
    if quality is None or mime == "image/jpeg":
        return FORMATS.get(mime or ""), quality, ()
    said = f"compressionQuality {quality} -> none for {mime or 'image/png'}"
    return FORMATS.get(mime or ""), None, (said,)


def _quality(options: dict[str, Any]) -> int | None:
    value = options.get("compressionQuality")
    if value is None:
        return None
    if not is_integer(value) or not 0 <= value <= 100:
        raise _bad("imageOutputOptions.compressionQuality", "must be an integer from 0 to 100")
    return int(value)


def _safety(metadata: dict[str, Any]) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Pairs of category and threshold, each category once; those that only Vertex knows are not
    passed on, and said."""
    value = metadata.get("safetySettings")
    if value is None:
        return (), ()
    if not isinstance(value, list):
        raise _bad("safetySettings", "must be an array")
    pairs = tuple(_setting(item) for item in value)
    if len({category for category, _ in pairs}) < len(pairs):
        raise _bad("safetySettings", "names a category twice")
    said = tuple(f"safetySettings {c} -> none" for c, _ in pairs if c in VERTEX_CATEGORIES)
    return tuple(pair for pair in pairs if pair[0] in CATEGORIES), said


def _setting(item: Any) -> tuple[str, str]:
    if not isinstance(item, dict):
        raise _bad("safetySettings", "must hold objects {category, threshold}")
    category = _word(item, "safetySettings.category", CATEGORIES + VERTEX_CATEGORIES)
    threshold = _word(item, "safetySettings.threshold", THRESHOLDS)
    if category is None or threshold is None:
        raise _bad("safetySettings", "needs a category and a threshold in every item")
    return category, threshold


def _of_other_models(metadata: dict[str, Any]) -> tuple[str, ...]:
    """Documented for models that are not offered here."""
    return tuple(f"{name} -> not used by this model" for name in OF_OTHER_MODELS if metadata.get(name))


def _bad(name: str, rule: str) -> Problem:
    return Problem(Kind.BAD_REQUEST, f"metadata.{name} {rule}", param=f"metadata.{name}")
