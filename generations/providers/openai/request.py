"""What we ask: an `Order` as the fields of OpenAI's Images API, in JSON or as a form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import aiohttp

from generations.provider import Job
from generations.provider.words import conversation, hints
from generations.spec import Order

Fields = Mapping[str, str | int]

GPT = ("gpt-image", "chatgpt-image")
"""Models that answer in base64 and refuse to be asked for it, and that know qualities."""
QUALITIES = {
    "low": "low",
    "medium": "medium",
    "standard": "medium",
    **dict.fromkeys(("high", "hd", "xhigh", "max"), "high"),
}


def fields(job: Job, size: tuple[int, int]) -> Fields:
    """The fields, for pictures of `size`."""
    order, gpt = job.order, job.model.startswith(GPT)
    quality = QUALITIES.get(order.quality or "") if gpt else None
    said = {"mask", *(["quality"] if quality else [])}
    asked: dict[str, str | int] = {
        "model": job.model,
        "prompt": "\n\n".join([*conversation(order), *hints(order, said=said)]),
        "n": job.count,
        "size": f"{size[0]}x{size[1]}",
    }
    if quality:
        asked["quality"] = quality
    if not gpt:
        asked["response_format"] = "b64_json"
    return asked


def body(fields: Fields) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()


def form(order: Order, fields: Fields, pictures: Sequence[bytes]) -> aiohttp.FormData:
    """The same with the bytes of `order.inputs`, in their order."""
    made = aiohttp.FormData()
    for name, value in fields.items():
        made.add_field(name, str(value))
    images = [stored for stored in order.inputs if stored.role == "image"]
    plural = "image[]" if len(images) > 1 else "image"
    for number, (stored, data) in enumerate(zip(order.inputs, pictures, strict=True)):
        name = "mask" if stored.role == "mask" else plural
        file = f"{stored.role}-{number}.{stored.mime.removeprefix('image/')}"
        made.add_field(name, data, filename=file, content_type=stored.mime)
    return made
