"""`countTokens`: counted here by rule, never upstream."""

from __future__ import annotations

from typing import Any

from generations.dialects.gemini.answer import prompt_details
from generations.dialects.gemini.contents import characters, pictures, read_contents, read_system
from generations.dialects.gemini.order import tokens
from generations.dialects.gemini.proto import Message, bad
from generations.spec import Offer


def count_tokens(body: Any, offer: Offer) -> dict[str, Any]:
    """The tokens of `contents`, or of a whole `generateContentRequest`: a quarter of the characters,
    rounded up, and the model's number for each picture. Raises Problem(BAD_REQUEST)."""
    request = _request(Message(body))
    conversation = read_contents(request, offer)
    words = tokens(characters(conversation) + len(read_system(request, offer)))
    images = pictures(conversation) * offer.input_tokens_per_image
    return {"totalTokens": words + images} | prompt_details(words, images)


def _request(body: Message) -> Message:
    if body.get("generateContentRequest") is None:
        return body
    if body.get("contents") is not None:
        raise bad("generateContentRequest", "Send either 'contents' or 'generateContentRequest', not both.")
    return body.message("generateContentRequest")
