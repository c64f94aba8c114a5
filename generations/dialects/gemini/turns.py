"""From what was said to the turns of an order: which pictures the model looks at, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from generations.dialects.gemini.contents import Said, Shown, last_turn
from generations.dialects.gemini.proto import bad
from generations.spec import Offer, Picture, Source, Text, Turn


@dataclass(frozen=True, slots=True)
class Told:
    """A conversation as an order has it. Pictures in `turns` are numbers of `sources`; `adjusted` says
    what was left out. `turns` is empty for one plain text with pictures before or after it: that is a
    prompt with inputs, the same at every door."""

    turns: tuple[Turn, ...]
    sources: tuple[Source, ...]
    adjusted: tuple[str, ...]


def tell(conversation: Sequence[Said], offer: Offer) -> Told:
    """The conversation with the pictures that the model looks at: all of the user's last turn, and of
    the earlier ones the latest, as many as the model takes. Raises Problem(BAD_REQUEST)."""
    pictures, last = _pictures(conversation), _pictures(last_turn(conversation))
    older = pictures[: len(pictures) - len(last)]
    if len(last) > offer.max_references:
        most = f"The last turn shows {len(last)} images; this model takes at most {offer.max_references}."
        raise bad(last[offer.max_references].place, most)
    kept = _latest(conversation, older, offer.max_input_images - len(last))
    numbers = {shown.place: number for number, shown in enumerate((*kept, *last))}
    turns = tuple(turn for said in conversation if (turn := _turn(said, numbers)).parts)
    return Told(
        turns=() if _is_plain(turns) else turns,
        sources=tuple(map(_source, (*kept, *last))),
        adjusted=(f"images of earlier turns {len(older)} -> {len(kept)}",) if len(kept) < len(older) else (),
    )


def _pictures(conversation: Sequence[Said]) -> list[Shown]:
    """The pictures of a conversation, without the sketches that a model made while it thought."""
    parts = (part for said in conversation for part in said.parts)
    return [part for part in parts if isinstance(part, Shown) and not part.thought]


def _latest(conversation: Sequence[Said], older: Sequence[Shown], room: int) -> list[Shown]:
    """Those of the older pictures that fit: the oldest go first, the model's newest never."""
    drawn = _pictures([said for said in conversation if said.role == "model"])
    newest = drawn[-1].place if drawn else ""
    free = [shown.place for shown in older if shown.place != newest]
    gone = set(free[: max(0, len(older) - max(0, room))])
    return [shown for shown in older if shown.place not in gone]


def _turn(said: Said, numbers: Mapping[str, int]) -> Turn:
    parts = (_part(part, numbers) for part in said.parts)
    return Turn(said.role, tuple(part for part in parts if part is not None))


def _part(part: Text | Shown, numbers: Mapping[str, int]) -> Text | Picture | None:
    if isinstance(part, Text):
        return part
    return Picture(numbers[part.place], part.signature) if part.place in numbers else None


def _source(shown: Shown) -> Source:
    return Source(shown.place, url=shown.uri, data=shown.data, limit=shown.limit)


def _is_plain(turns: Sequence[Turn]) -> bool:
    """Whether this is one turn of one plain text, all its pictures on one side of it."""
    if len(turns) != 1 or any(part.signature for part in turns[0].parts):
        return False
    words = [index for index, part in enumerate(turns[0].parts) if isinstance(part, Text)]
    if len(words) != 1 or words[0] not in (0, len(turns[0].parts) - 1):
        return False
    said = turns[0].parts[words[0]]
    return isinstance(said, Text) and not said.thought
