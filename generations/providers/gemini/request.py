"""What we ask Google for: an `Order` as the JSON of `generateContent`."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pybase64

from generations.provider import Job
from generations.provider.words import hints
from generations.spec import Order, Picture, Sampling, Text, Turn

Json = dict[str, Any]


def bodies(job: Job, pictures: Sequence[bytes]) -> list[bytes]:
    """The bodies of a job's calls; `pictures` are the bytes of `order.inputs`, in their order. Raises
    ValueError or IndexError for an order that does not hold together."""
    order = job.order
    said: Json = {"contents": contents(order, pictures)}
    if order.system:
        said["systemInstruction"] = {"parts": [{"text": order.system}]}
    if order.sampling.safety:
        said["safetySettings"] = [{"category": c, "threshold": t} for c, t in order.sampling.safety]
    seeds = [_seed(order.sampling, order.count - job.count + number) for number in range(job.count)]
    made = {seed: _body(said, settings(job, seed)) for seed in set(seeds)}
    return [made[seed] for seed in seeds]


def _body(said: Json, config: Json) -> bytes:
    return json.dumps({**said, "generationConfig": config}, separators=(",", ":")).encode()


def patience(seconds: float) -> Mapping[str, str]:
    """The header that tells Google how long we wait."""
    return {"X-Server-Timeout": str(math.ceil(seconds))}


def contents(order: Order, pictures: Sequence[bytes]) -> list[Json]:
    """The conversation to send.

    `order.turns` is the whole conversation when it ends with the user's turn; otherwise the prompt
    is said after it. Inputs that no turn shows stand before the words of the last turn.
    """
    parts = [_picture(i.mime, data) for i, data in zip(order.inputs, pictures, strict=True)]
    said = [{"role": turn.role, "parts": _turn(turn, parts)} for turn in order.turns]
    if said and said[-1]["role"] == "user":
        prompt = ""
    else:
        said.append({"role": "user", "parts": []})
        prompt = order.prompt
    shown = {p.input for turn in order.turns for p in turn.parts if isinstance(p, Picture)}
    loose = [part for number, part in enumerate(parts) if number not in shown]
    words = "\n\n".join(filter(None, [prompt, *hints(order)]))
    said[-1]["parts"] = [*loose, *said[-1]["parts"], *([{"text": words}] if words else [])]
    return said


def _picture(mime: str, data: bytes) -> Json:
    return {"inlineData": {"mimeType": mime, "data": pybase64.b64encode(data).decode()}}


def _turn(turn: Turn, pictures: Sequence[Json]) -> list[Json]:
    return [_part(part, pictures) for part in turn.parts]


def _part(part: Text | Picture, pictures: Sequence[Json]) -> Json:
    if isinstance(part, Picture):
        said = dict(pictures[part.input])
    else:
        said = {"text": part.text, **({"thought": True} if part.thought else {})}
    if part.signature:
        base64.b64decode(part.signature, validate=True)
        said["thoughtSignature"] = part.signature
    return said


def settings(job: Job, seed: int | None) -> Json:
    """The `generationConfig` of a call.

    The model follows the last input picture when no ratio is asked, and knows no other resolution
    than 1K unless it is told one (older models refuse to be told).
    """
    order, sampling = job.order, job.order.sampling
    ratio = (order.ratio or job.size.ratio) if job.exact else None
    size = None if job.size.resolution == "1K" else job.size.resolution
    picture = {name: value for name, value in (("aspectRatio", ratio), ("imageSize", size)) if value}
    said = {
        "imageConfig": picture or None,
        "temperature": sampling.temperature,
        "topP": sampling.top_p,
        "topK": sampling.top_k,
        "maxOutputTokens": sampling.max_output_tokens,
        "stopSequences": list(sampling.stop) or None,
        "seed": seed,
    }
    return {"responseModalities": ["TEXT", "IMAGE"]} | {k: v for k, v in said.items() if v is not None}


def _seed(sampling: Sampling, number: int) -> int | None:
    """Each picture of an order has its own seed, or they would all be the same picture."""
    return None if sampling.seed is None else sampling.seed + number
