"""From a report to an Images response. The base64 is spliced into ready bytes: a body of many
megabytes is never a Python string, and never passes through a JSON encoder."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from generations.dialect import Answer, Desk
from generations.errors import Problem
from generations.spec import Delivered, Kind, Report, State
from generations.wording import dollars, json_number

INLINE_BYTES = 2**20  # up to here encoding costs about a millisecond: no thread
POLL_SECONDS = "2"
NO_STORE = {"Cache-Control": "no-store"}


async def rendered(report: Report, desk: Desk) -> Answer:
    """The 200 of a succeeded or blocked generation. Raises Problem(GONE) for images not kept."""
    if report.state is State.SUCCEEDED and not report.images:
        raise Problem(Kind.GONE, "The images of this generation are no longer kept.", generation=report.id)
    files = await asyncio.gather(*(desk.read(image) for image in report.images))
    if sum(map(len, files)) > INLINE_BYTES:
        body = await asyncio.to_thread(images_body, report, files)
    else:
        body = images_body(report, files)
    return Answer(200, body, dict(NO_STORE), report)


def pending(report: Report) -> Answer:
    """The 202 of a generation that is not final: what it is, how far, and when to ask again."""
    body = {
        "id": str(report.id),
        "object": "image.generation",
        "created": _created(report),
        "status": "queued" if report.state is State.QUEUED else "in_progress",
        "progress": report.progress,
        "data": [],
    }
    return Answer(202, body, NO_STORE | {"Retry-After": POLL_SECONDS}, report)


def images_body(report: Report, files: Sequence[bytes]) -> bytes:
    """`{"created", "data", <echo>, "usage"}` as UTF-8 JSON; `files` are the images' bytes in order."""
    prompt = json.dumps(report.order.prompt, ensure_ascii=False).encode()
    items = b",".join(_item(file, prompt) for file in files)
    rest = _echo(report) | {"usage": _usage(report)}
    tail = json.dumps(rest, separators=(",", ":"), ensure_ascii=False).encode()
    return b"".join((b'{"created":%d,"data":[' % _created(report), items, b"],", tail[1:]))


def _item(file: bytes, prompt: bytes) -> bytes:
    return b"".join((b'{"b64_json":"', b64encode(file), b'","revised_prompt":', prompt, b"}"))


def _created(report: Report) -> int:
    return int(report.created_at.timestamp())


def _echo(report: Report) -> dict[str, Any]:
    """What the client named, as the pictures really are; nothing where there is no picture."""
    if report.dialect != "openai" or not report.images:
        return {}
    true = _true_of(report.images[0])
    return {name: true.get(name, asked) for name, asked in report.order.echo.items()}


def _true_of(image: Delivered) -> dict[str, str]:
    return {
        "background": "opaque",
        "output_format": image.mime.partition("/")[2],
        "size": f"{image.width}x{image.height}",
    }


def _usage(report: Report) -> dict[str, Any]:
    """Input as the provider counted it and nobody pays; output as it is billed."""
    read, images, output = report.usage.prompt, report.usage.prompt_images, report.tokens
    cost = json_number(dollars(report.cost), 9)
    return {
        "input_tokens": read,
        "input_tokens_details": {"image_tokens": images, "text_tokens": max(0, read - images)},
        "output_tokens": output,
        "output_tokens_details": {"image_tokens": output, "text_tokens": 0},
        "total_tokens": read + output,
        "cost": cost,
        "cost_details": {"input_cost": 0, "image_output_cost": cost},
    }
