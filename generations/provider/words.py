"""What an order wants of the look, as sentences for upstreams that have no parameter for it."""

from __future__ import annotations

from collections.abc import Collection

from generations.spec import Order, Text

STYLES = {
    "vivid": "Style: hyper-real and dramatic, with bold colours and strong contrast.",
    "natural": "Style: realistic and unforced, with plausible light and true colours.",
}
FINE = "Quality: the finest detail you can render, with crisp edges and clean textures."
QUALITIES = dict.fromkeys(("hd", "high", "xhigh", "max"), FINE)
BACKGROUNDS = {"transparent": "Background: one even, plain white, with nothing else on it and no shadow."}
MASK = "The last picture is a mask: change only what it leaves transparent, keep everything else as it is."


def hints(order: Order, *, said: Collection[str] = ()) -> list[str]:
    """The sentences to put after the prompt. `said` names what the upstream is told by a parameter:
    `style`, `quality`, `background`, `mask`."""
    found = {
        "style": STYLES.get(order.style or ""),
        "quality": QUALITIES.get(order.quality or ""),
        "background": BACKGROUNDS.get(order.background or ""),
        "mask": MASK if any(i.role == "mask" for i in order.inputs) else None,
    }
    return [sentence for name, sentence in found.items() if sentence and name not in said]


def conversation(order: Order) -> list[str]:
    """All words of the order for an upstream that takes one prompt: the system's, those of every turn
    in their order (thoughts left out), then the prompt unless the last turn has it."""
    parts = (part for turn in order.turns for part in turn.parts)
    turns = [part.text for part in parts if isinstance(part, Text) and not part.thought]
    ends_with_user = bool(order.turns) and order.turns[-1].role == "user"
    return [text for text in (order.system, *turns, "" if ends_with_user else order.prompt) if text]
