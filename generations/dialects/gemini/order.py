"""From a generateContent request to the neutral order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from generations.dialects.gemini.contents import (
    Said,
    characters,
    read_contents,
    read_system,
    refuse_pictures,
    words_only,
)
from generations.dialects.gemini.proto import Message, bad
from generations.dialects.gemini.settings import Settings, read_settings
from generations.errors import Problem
from generations.spec import Kind, Offer, Order, Text, Turn
from generations.wording import clip, offer_named

CHARACTERS_PER_TOKEN = 4
VERSIONS = ("v1beta", "v1", "v1alpha")


def bare(name: str) -> str:
    """A model's name without the `models/` that clients put in front."""
    return name.removeprefix("models/")


def choose(name: str, offers: Sequence[Offer], path: str) -> Offer:
    """The model of that name, alias, or `provider/name`, as asked for at `path`. Raises
    Problem(UNKNOWN_MODEL, FORBIDDEN_MODEL)."""
    asked = bare(name)
    found = offer_named(offers, asked) or offer_named(offers, asked.rpartition("/")[2])
    if found is None:
        version = path.split("/")[1]
        message = (
            f"models/{clip(asked)} is not found for API version {version if version in VERSIONS else 'v1'}, "
            "or is not supported for generateContent. Call ListModels to see the list of available models "
            "and their supported methods."
        )
        raise Problem(Kind.UNKNOWN_MODEL, message)
    if not found.allowed:
        raise Problem(Kind.FORBIDDEN_MODEL, f"This API key may not use models/{clip(asked)}.")
    return found


def read_order(body: Any, asked: str, offer: Offer) -> Order:
    """The order of a parsed body. Raises Problem(BAD_REQUEST) naming the field."""
    request = Message(body)
    conversation, system = read_contents(request, offer), read_system(request, offer)
    settings = read_settings(request, offer)
    refuse_pictures(conversation)
    _check_words(conversation, system, offer)
    return _order(asked, offer, conversation, system, settings)


def tokens(number: int) -> int:
    """Tokens of so many characters."""
    return math.ceil(number / CHARACTERS_PER_TOKEN)


def _check_words(conversation: Sequence[Said], system: str, offer: Offer) -> None:
    """The last turn must be the user's and say something; all together must not be too long."""
    if conversation[-1].role != "user":
        raise bad("contents", "Please ensure that multiturn requests end with a user turn.")
    if not conversation[-1].text.strip():
        raise bad("contents", "The last user turn has no text: say what to draw.")
    count, limit = tokens(characters(conversation) + len(system)), tokens(offer.prompt_characters)
    if count > limit:
        message = f"The input token count ({count}) exceeds the maximum number of tokens allowed ({limit})."
        raise bad("contents", message)


def _order(asked: str, offer: Offer, said: Sequence[Said], system: str, settings: Settings) -> Order:
    """A single plain text is the prompt; anything more is the whole conversation, in turns."""
    shape = settings.shape
    return Order(
        model=offer.model,
        asked=asked,
        prompt=said[-1].text,
        count=settings.count,
        ratio=shape.ratio or offer.default_ratio,
        resolution=shape.resolution,
        turns=() if words_only(said) is not None else tuple(map(_turn, said)),
        system="\n\n".join(filter(None, (system, shape.people))),
        format=shape.format,
        compression=shape.compression,
        sampling=settings.sampling,
        adjusted=settings.adjusted,
        echo={"text": settings.text, "thoughts": settings.thoughts},
    )


def _turn(said: Said) -> Turn:
    return Turn(said.role, tuple(part for part in said.parts if isinstance(part, Text)))
