"""Signatures that an engine gave its pictures, for conversations that show the pictures without them.

`next_turn_contents` carries them, but a client may build the conversation from the links alone, and
an engine may refuse a picture of its own without its signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeGuard
from urllib.parse import urlsplit

from generations import handles
from generations.dialect import Desk
from generations.dialects.gmi.next_turn import REFERENCES
from generations.spec import Order, Picture, Text, Turn


async def signed(order: Order, desk: Desk) -> Order:
    """The order, in which every picture that a model's turn names by one of our links has its
    signature, if it was given one."""
    urls = order.echo.get(REFERENCES) or ()
    bare = [urls[part.input] for turn in order.turns for part in turn.parts if _is_bare(part, turn)]
    ids = dict.fromkeys(name for url in bare if url for name in _ids(url))
    if not ids:
        return order
    reports = await desk.several(list(ids))
    known = {image.url: image.signature for report in reports for image in report.images}
    return replace(order, turns=tuple(_with(turn, [known.get(url) for url in urls]) for turn in order.turns))


def _is_bare(part: Text | Picture, turn: Turn) -> TypeGuard[Picture]:
    return turn.role == "model" and isinstance(part, Picture) and part.signature is None


def _ids(url: str) -> list[str]:
    """What could be the id of a generation in a link; whether the link is ours shows when the whole
    of it is compared."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return []
    return [name for name in path.split("/") if handles.parse(name)]


def _with(turn: Turn, signatures: Sequence[str | None]) -> Turn:
    parts = (
        replace(part, signature=signatures[part.input]) if _is_bare(part, turn) else part
        for part in turn.parts
    )
    return Turn(turn.role, tuple(parts))
