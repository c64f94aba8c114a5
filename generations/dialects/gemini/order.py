"""From a generateContent request to the neutral order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from generations.dialects.gemini.contents import Said, characters, last_turn, read_contents, read_system
from generations.dialects.gemini.proto import Message, bad
from generations.dialects.gemini.settings import Settings, read_settings
from generations.dialects.gemini.turns import Told, tell
from generations.errors import Problem
from generations.spec import Kind, Offer, Order, Source
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


def read_order(body: Any, name: str, offer: Offer) -> tuple[Order, tuple[Source, ...]]:
    """The order of a parsed body, and where its inputs come from: they are still to be taken, in this
    order. Raises Problem(BAD_REQUEST) naming the field."""
    request = Message(body)
    conversation, system = read_contents(request, offer), read_system(request, offer)
    settings = read_settings(request, offer)
    prompt = _prompt(conversation)
    _check_length(characters(conversation) + len(system), offer)
    told = tell(conversation, offer)
    return _order(name, offer, prompt, told, system, settings), told.sources


def tokens(number: int) -> int:
    """Tokens of so many characters."""
    return math.ceil(number / CHARACTERS_PER_TOKEN)


def _prompt(conversation: Sequence[Said]) -> str:
    """What is asked now: the words of the last turn, which must be the user's and say something."""
    last = last_turn(conversation)
    if not last:
        raise bad("contents", "Please ensure that multiturn requests end with a user turn.")
    prompt = "\n".join(filter(None, (said.text for said in last)))
    if not prompt.strip():
        raise bad("contents", "The last user turn has no text: say what to draw.")
    return prompt


def _check_length(number: int, offer: Offer) -> None:
    count, limit = tokens(number), tokens(offer.prompt_characters)
    if count > limit:
        message = f"The input token count ({count}) exceeds the maximum number of tokens allowed ({limit})."
        raise bad("contents", message)


def _order(name: str, offer: Offer, prompt: str, told: Told, system: str, settings: Settings) -> Order:
    """Without a ratio the picture follows the last input; without an input it is the door's default."""
    shape = settings.shape
    return Order(
        model=offer.model,
        asked=name,
        prompt=prompt,
        count=settings.count,
        ratio=shape.ratio or (None if told.sources else offer.default_ratio),
        resolution=shape.resolution,
        turns=told.turns,
        system="\n\n".join(filter(None, (system, shape.people))),
        format=shape.format,
        compression=shape.compression,
        sampling=settings.sampling,
        adjusted=settings.adjusted + told.adjusted,
        echo={"text": settings.text, "thoughts": settings.thoughts},
    )
