"""`generationConfig` and `safetySettings`. What goes beyond the model's limit is clamped and said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from generations.dialects.gemini.proto import Message, bad, enum, string
from generations.dialects.gemini.shape import Shape, read_shape
from generations.spec import Offer, Sampling

MAX_CANDIDATES = 10
MAX_STOPS = 5
TOP_K = 64
MODALITIES = ("MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO", "VIDEO")
LEVELS = ("THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH")
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
UNSET = "HARM_BLOCK_THRESHOLD_UNSPECIFIED"
THRESHOLDS = (UNSET, "BLOCK_LOW_AND_ABOVE", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_ONLY_HIGH", "BLOCK_NONE", "OFF")
TIERS = ("SERVICE_TIER_UNSPECIFIED", "UNSPECIFIED", "STANDARD", "FLEX", "PRIORITY")
# Settings of Google's other models: accepted, because shared configurations carry them, and said.
NOT_FOR_IMAGES = (
    *("responseSchema", "responseJsonSchema", "logprobs", "mediaResolution", "speechConfig"),
    *("audioTranscriptionConfig", "audioTimestamp", "translationConfig", "enableAffectiveDialog"),
    *("routingConfig", "modelSelectionConfig"),
)
NOT_SERVED = (
    *("tools", "toolConfig", "cachedContent", "continuationToken", "modelArmorConfig"),
    "generationOutputConfig",
)

N = TypeVar("N", int, float)


@dataclass(frozen=True, slots=True)
class Settings:
    """`text` and `thoughts`: whether the answer tells the model's words and its thoughts."""

    count: int
    shape: Shape
    sampling: Sampling
    text: bool
    thoughts: bool
    adjusted: tuple[str, ...]


def read_settings(request: Message, offer: Offer) -> Settings:
    """All settings of a request. Raises Problem(BAD_REQUEST) naming the field: wrong types, unknown
    words, values below the least."""
    config, adjusted = request.message("generationConfig"), list[str]()
    count, text = _count(config, offer), _wants_text(config)
    shape = read_shape(config, offer, adjusted)
    sampling = _sampling(request, config, offer, adjusted)
    thoughts = bool(config.message("thinkingConfig").flag("includeThoughts"))
    _note_what_is_not_applied(request, config, adjusted)
    return Settings(count, shape, sampling, text, thoughts, tuple(adjusted))


def _count(config: Message, offer: Offer) -> int:
    count, most = config.integer("candidateCount"), min(MAX_CANDIDATES, offer.max_count)
    if count is None:
        return 1
    if not 1 <= count <= most:
        raise bad(config.at("candidateCount"), f"'{config.at('candidateCount')}' must be from 1 to {most}.")
    return count


def _wants_text(config: Message) -> bool:
    """Whether text is wanted beside the image, which must be."""
    words = {enum(item, MODALITIES, path) for item, path in config.items("responseModalities")}
    words -= {"MODALITY_UNSPECIFIED"}
    path = config.at("responseModalities")
    if words and "IMAGE" not in words:
        raise bad(path, f"'{path}' must contain IMAGE: this service generates images.")
    if words - {"TEXT", "IMAGE"}:
        raise bad(path, f"'{path}' may contain TEXT and IMAGE; image models answer nothing else.")
    return not words or "TEXT" in words


# ---- sampling --------------------------------------------------------------------------------


def _sampling(request: Message, config: Message, offer: Offer, adjusted: list[str]) -> Sampling:
    limit = offer.output_token_limit
    return Sampling(
        temperature=_within(config, "temperature", config.number("temperature"), 0.0, 2.0, adjusted),
        top_p=_within(config, "topP", config.number("topP"), 0.0, 1.0, adjusted),
        top_k=_within(config, "topK", config.integer("topK"), 1, TOP_K, adjusted),
        max_output_tokens=_within(
            config, "maxOutputTokens", config.integer("maxOutputTokens"), 1, limit, adjusted
        ),
        seed=config.integer("seed"),
        stop=_stops(config),
        safety=_safety(request, adjusted),
    )


def _within(config: Message, name: str, value: N | None, low: N, high: N, adjusted: list[str]) -> N | None:
    if value is None or low <= value <= high:
        return value
    if value < low:
        path = config.at(name)
        raise bad(path, f"'{path}' must be at least {low}, got {value}.")
    adjusted.append(f"{name} {value} -> {high}")
    return high


def _stops(config: Message) -> tuple[str, ...]:
    found = config.items("stopSequences")
    if len(found) > MAX_STOPS:
        path = config.at("stopSequences")
        raise bad(path, f"'{path}' may hold at most {MAX_STOPS} sequences, got {len(found)}.")
    stops = tuple(string(item, path) for item, path in found)
    if "" in stops:
        raise bad(config.at("stopSequences"), f"'{config.at('stopSequences')}' holds an empty sequence.")
    return stops


def _safety(request: Message, adjusted: list[str]) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for setting in request.messages("safetySettings"):
        category, threshold = _safety_setting(setting)
        if category in found:
            message = f"'{request.at('safetySettings')}' must not contain duplicates: {category}."
            raise bad(setting.at("category"), message)
        found[category] = threshold
    adjusted.extend(f"safetySettings {c} -> none" for c in found if c in VERTEX_CATEGORIES)
    return tuple((c, t) for c, t in found.items() if c in CATEGORIES and t != UNSET)


def _safety_setting(setting: Message) -> tuple[str, str]:
    category = setting.word("category", CATEGORIES + VERTEX_CATEGORIES)
    threshold = setting.word("threshold", THRESHOLDS)
    if category is None:
        raise bad(setting.at("category"), f"'{setting.at('category')}' is required.")
    return category, threshold or UNSET


# ---- what is accepted, not applied, and said -------------------------------------------------


def _note_what_is_not_applied(request: Message, config: Message, adjusted: list[str]) -> None:
    for name in ("presencePenalty", "frequencyPenalty"):
        if value := config.number(name):
            adjusted.append(f"{name} {value} -> 0.0")
    if config.text("responseMimeType") not in (None, "", "text/plain"):
        adjusted.append("responseMimeType -> text/plain")
    if config.flag("responseLogprobs"):
        adjusted.append("responseLogprobs true -> false")
    adjusted.extend(f"{name} -> none" for name in NOT_FOR_IMAGES if config.get(name))
    _note_thinking(config.message("thinkingConfig"), adjusted)
    adjusted.extend(f"{name} -> none" for name in NOT_SERVED if request.get(name))
    if (tier := request.word("serviceTier", TIERS)) in ("FLEX", "PRIORITY"):
        adjusted.append(f"serviceTier {tier} -> STANDARD")


def _note_thinking(thinking: Message, adjusted: list[str]) -> None:
    """Models think as long as they do by themselves; their thoughts are told if they come."""
    level, budget = thinking.word("thinkingLevel", LEVELS), thinking.integer("thinkingBudget")
    if level and level != LEVELS[0]:
        adjusted.append(f"thinkingLevel {level} -> the model's own")
    if budget is not None:
        adjusted.append(f"thinkingBudget {budget} -> the model's own")
