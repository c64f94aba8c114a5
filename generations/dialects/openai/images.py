"""From a report to an Images response. The base64 is spliced into ready bytes: a body of many
megabytes is never a Python string, and never passes through a JSON encoder."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pybase64 import b64encode

from generations.dialect import Answer, Desk
from generations.errors import Problem
from generations.spec import Delivered, Kind, Report, State
from generations.wording import dollars, json_number

INLINE_BYTES = 2**20  # up to here encoding costs about a millisecond: no thread
POLL_SECONDS = "2"
NO_STORE = {"Cache-Control": "no-store"}


async def rendered(report: Report, desk: Desk, *, status: bool = False) -> Answer:
    """The 200 of a succeeded or blocked generation, with its `status` where it is asked for by id.
    Raises Problem(GONE) for images not kept."""
    if report.state is State.SUCCEEDED and not report.images:
        raise Problem(Kind.GONE, "The images of this generation are no longer kept.", generation=report.id)
    files = await asyncio.gather(*(desk.read(image) for image in report.images))
    known = standing(report) if status else {}
    if sum(map(len, files)) > INLINE_BYTES:
        body = await asyncio.to_thread(images_body, report, files, known)
    else:
        body = images_body(report, files, known)
    return Answer(200, body, dict(NO_STORE), report)


def pending(report: Report) -> Answer:
    """The 202 of a generation that is not final: what it is, how far, and when to ask again."""
    return Answer(202, standing_body(report), NO_STORE | {"Retry-After": POLL_SECONDS}, report)


def standing_body(report: Report) -> dict[str, Any]:
    """A generation without its pictures."""
    return {"created": _created(report), "data": []} | standing(report)


def images_body(report: Report, files: Sequence[bytes], status: Mapping[str, Any]) -> bytes:
    """`{"created", "data", <echo>, "usage", <status>}` as UTF-8 JSON; `files` are the images' bytes in
    order."""
    prompt = json.dumps(report.order.prompt, ensure_ascii=False).encode()
    items = b",".join(_item(file, prompt) for file in files)
    rest = {**_echo(report), "usage": usage(report), **status}
    tail = json.dumps(rest, separators=(",", ":"), ensure_ascii=False).encode()
    return b"".join((b'{"created":%d,"data":[' % _created(report), items, b"],", tail[1:]))


STATUSES = {
    State.QUEUED: "queued",
    State.RUNNING: "in_progress",
    State.SUCCEEDED: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
}


def standing(report: Report) -> dict[str, Any]:
    """Where it stands, and until when (Unix seconds) which links open without a key."""
    return {
        "id": str(report.id),
        "object": "image.generation",
        "status": STATUSES[report.state],
        "progress": report.progress,
        "expires_at": int(report.expires_at.timestamp()) if report.images and report.expires_at else None,
        "links": [image.url for image in report.images],
    }


def _item(file: bytes, prompt: bytes) -> bytes:
    return b"".join((b'{"b64_json":"', b64encode(file), b'","revised_prompt":', prompt, b"}"))


def _created(report: Report) -> int:
    return int(report.created_at.timestamp())


def _echo(report: Report) -> dict[str, Any]:
    """What the client named, as the pictures really are; nothing where there is no picture."""
    if report.dialect != "openai" or not report.images:
        return {}
    true = true_of(report.images[0])
    return {name: true.get(name, asked) for name, asked in report.order.echo.items()}


def true_of(image: Delivered) -> dict[str, str]:
    """The picture as it is, whatever was asked for."""
    return {
        "background": "opaque",
        "output_format": image.mime.partition("/")[2],
        "size": f"{image.width}x{image.height}",
    }


def usage(report: Report) -> dict[str, Any]:
    return _counted(report.usage.prompt, report.usage.prompt_images, report.tokens, report.unit_price)


def usage_of_one(report: Report, image: Delivered) -> dict[str, Any]:
    """One picture's share, so that the events of a stream add up to the whole: all pictures cost the
    same, and the input counts with the first."""
    first = image is report.images[0]
    read, images = (report.usage.prompt, report.usage.prompt_images) if first else (0, 0)
    return _counted(read, images, report.tokens // len(report.images), report.unit_price)


def _counted(read: int, images: int, output: int, unit_price: int) -> dict[str, Any]:
    """Input as the provider counted it and nobody pays; output as it is billed."""
    cost = json_number(dollars(output * unit_price), 9)
    return {
        "input_tokens": read,
        "input_tokens_details": {"image_tokens": images, "text_tokens": max(0, read - images)},
        "output_tokens": output,
        "output_tokens_details": {"image_tokens": output, "text_tokens": 0},
        "total_tokens": read + output,
        "cost": cost,
        "cost_details": {"input_cost": 0, "image_output_cost": cost},
    }
