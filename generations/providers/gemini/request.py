"""What we ask Google for: an `Order` as contents and settings of `generateContent`."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from google.genai import types

from generations.provider import Job
from generations.spec import Order, Picture, Sampling, Text, Turn

# Google's image models take style and quality only as words in the prompt.
STYLES = {
    "vivid": "Style: hyper-real and dramatic, with bold colours and strong contrast.",
    "natural": "Style: realistic and unforced, with plausible light and true colours.",
}
FINE = "Quality: the finest detail you can render, with crisp edges and clean textures."
QUALITIES = dict.fromkeys(("hd", "high", "xhigh", "max"), FINE)
BACKGROUNDS = {"transparent": "Background: one even, plain white, with nothing else on it and no shadow."}
MASK = "The last picture is a mask: change only what it leaves transparent, keep everything else as it is."


def contents(order: Order, pictures: Sequence[bytes]) -> list[types.Content]:
    """The conversation to send; `pictures` are the bytes of `order.inputs`, in their order.

    `order.turns` is the whole conversation when it ends with the user's turn; otherwise the prompt
    is said after it. Inputs that no turn shows stand before the words of the last turn.
    """
    parts = [_picture(i.mime, data) for i, data in zip(order.inputs, pictures, strict=True)]
    said = [types.Content(role=turn.role, parts=_turn(turn, parts)) for turn in order.turns]
    if said and said[-1].role == "user":
        prompt = ""
    else:
        said.append(types.Content(role="user", parts=[]))
        prompt = order.prompt
    shown = {p.input for turn in order.turns for p in turn.parts if isinstance(p, Picture)}
    loose = [part for number, part in enumerate(parts) if number not in shown]
    words = "\n\n".join(filter(None, [prompt, *hints(order)]))
    said[-1].parts = [*loose, *(said[-1].parts or []), *([types.Part(text=words)] if words else [])]
    return said


def hints(order: Order) -> list[str]:
    """What the order wants of the look, as sentences that go after the prompt."""
    found = (
        STYLES.get(order.style or ""),
        QUALITIES.get(order.quality or ""),
        BACKGROUNDS.get(order.background or ""),
        MASK if any(i.role == "mask" for i in order.inputs) else None,
    )
    return [sentence for sentence in found if sentence]


def _picture(mime: str, data: bytes) -> types.Part:
    return types.Part(inline_data=types.Blob(mime_type=mime, data=data))


def _turn(turn: Turn, pictures: Sequence[types.Part]) -> list[types.Part]:
    return [_part(part, pictures) for part in turn.parts]


def _part(part: Text | Picture, pictures: Sequence[types.Part]) -> types.Part:
    signature = base64.b64decode(part.signature, validate=True) if part.signature else None
    if isinstance(part, Text):
        return types.Part(text=part.text, thought=part.thought or None, thought_signature=signature)
    return types.Part(inline_data=pictures[part.input].inline_data, thought_signature=signature)


def settings(job: Job, number: int, seconds: float) -> types.GenerateContentConfig:
    """The settings of call `number` (from 0) of a job, which may take `seconds`.

    The model follows the last input picture when no ratio is asked, and knows no other resolution
    than 1K unless it is told one (older models refuse to be told).
    """
    order = job.order
    ratio = order.ratio or (None if order.inputs else job.size.ratio)
    size = None if job.size.resolution == "1K" else job.size.resolution
    picture = types.ImageConfig(aspect_ratio=ratio, image_size=size)
    return types.GenerateContentConfig(
        response_modalities=["TEXT", "IMAGE"],
        image_config=picture if ratio or size else None,
        system_instruction=order.system or None,
        temperature=order.sampling.temperature,
        top_p=order.sampling.top_p,
        top_k=order.sampling.top_k,
        max_output_tokens=order.sampling.max_output_tokens,
        stop_sequences=list(order.sampling.stop) or None,
        seed=_seed(order.sampling, order.count - job.count + number),
        safety_settings=_safety(order.sampling) or None,
        http_options=types.HttpOptions(timeout=max(1, round(seconds * 1000))),  # milliseconds
        # The client would call again by itself, for functions and for answers cut short.
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        automatic_continuation=False,
        should_return_http_response=True,
    )


def _seed(sampling: Sampling, number: int) -> int | None:
    """Each picture of an order has its own seed, or they would all be the same picture."""
    return None if sampling.seed is None else sampling.seed + number


def _safety(sampling: Sampling) -> list[types.SafetySetting]:
    return [
        types.SafetySetting(category=types.HarmCategory(c), threshold=types.HarmBlockThreshold(t))
        for c, t in sampling.safety
    ]
