"""`next_turn_contents`: the conversation so far, ready to be filled in and sent back."""

from __future__ import annotations

from typing import Any

from generations.spec import Order, Picture, Report, Text, Turn

REFERENCES = "references"
"""In `Order.echo`: the URL of each of `Order.inputs`, None where no URL names it."""


def next_turn_contents(report: Report) -> list[dict[str, Any]]:
    """What was said, what the model answered, and an empty turn of the user. Pictures are named by
    URL; one that no URL names is left out."""
    order = report.order
    turns = [_content(turn.role, [_shown(part, order) for part in turn.parts]) for turn in _asked(order)]
    turns.append(_content("model", _made(report)))
    blank: list[dict[str, Any]] = [{"text": ""}, {"fileData": {"fileUri": "", "mimeType": ""}}]
    return [*(turn for turn in turns if turn["parts"]), _content("user", blank)]


def _asked(order: Order) -> tuple[Turn, ...]:
    """The turns; the prompt is said after them unless they end with the user's."""
    if order.turns and order.turns[-1].role == "user":
        return order.turns
    shown = {part.input for turn in order.turns for part in turn.parts if isinstance(part, Picture)}
    images = [index for index, given in enumerate(order.inputs) if given.role == "image"]
    loose = [Picture(index) for index in images if index not in shown]
    return (*order.turns, Turn("user", (Text(order.prompt), *loose)))


def _content(role: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"role": role, "parts": [part for part in parts if part]}


def _shown(part: Text | Picture, order: Order) -> dict[str, Any]:
    if isinstance(part, Text):
        return _signed({"text": part.text}, part.signature) if part.text or part.signature else {}
    urls = order.echo.get(REFERENCES) or ()
    url = urls[part.input] if part.input < len(urls) else None
    return _signed(_file_data(url, order.inputs[part.input].mime), part.signature) if url else {}


def _made(report: Report) -> list[dict[str, Any]]:
    """What the model answered, in its order and with its signatures, but without its thoughts."""
    images = {image.number: image for image in report.images}
    parts: list[dict[str, Any]] = []
    for part in report.parts:
        if image := images.pop(part.get("image", -1), None):
            signature = part.get("signature") or image.signature
            parts.append(_signed(_file_data(image.url, image.mime), signature))
        elif not part.get("thought") and (part.get("text") or part.get("signature")):
            parts.append(_signed({"text": part.get("text", "")}, part.get("signature")))
    return parts + [_signed(_file_data(i.url, i.mime), i.signature) for i in images.values()]


def _file_data(url: str, mime: str) -> dict[str, Any]:
    return {"fileData": {"fileUri": url, "mimeType": mime}}


def _signed(part: dict[str, Any], signature: str | None) -> dict[str, Any]:
    return part | {"thoughtSignature": signature} if signature else part
