"""Somebody who calls OpenAI's door, through its own route table, with JSON and with forms."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from generations.dialect import Answer, Incoming
from generations.dialects.openai import OpenAI
from generations.doors.selection import RouteTable
from generations.errors import Problem
from generations.spec import Order, Report
from tests.dialects.desk import FLASH, NOW, MemoryDesk, parsed, picture, report

DOOR = OpenAI()
TABLE = RouteTable(DOOR)
GENERATE = "/v1/images/generations"
EDIT = "/v1/images/edits"
FLASH_ORDER = {"model": "gemini-2.5-flash-image", "prompt": "A white siamese cat"}
PNG = ("a.png", picture(), "image/png")
BOUNDARY = "b0undary"
File = tuple[str, bytes, str]


@dataclass
class Caller:
    """Sends requests as the door's engine does; a stream is read to its end."""

    desk: MemoryDesk

    def ask(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {"content-type": "application/json"} | dict(headers or {})
        matched = TABLE.match(method, path)
        assert matched.params is not None, f"no route {method} {path}"
        request = Incoming(method, path, "https://easel.example/door", sent, {}, raw, matched.params)
        return asyncio.run(self._handle(matched.index, request))

    def send_form(self, files: Sequence[tuple[str, File]], **fields: str) -> Answer:
        """Posts an edit as multipart."""
        headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
        return self.ask("POST", EDIT, form(files, fields), headers=headers)

    async def _handle(self, index: int, request: Incoming) -> Answer:
        try:
            answer = await TABLE.routes[index].handler(request, self.desk)
            if isinstance(answer.body, AsyncIterator):
                answer.body = b"".join([chunk async for chunk in answer.body])
        except Problem as problem:
            answer = DOOR.word(problem, request)
        return answer


def form(files: Sequence[tuple[str, File]], fields: Mapping[str, str]) -> bytes:
    """A body of text parts and files (name, then file name, bytes and type)."""
    texts = [(f'name="{name}"', value.encode()) for name, value in fields.items()]
    named = [
        (f'name="{name}"; filename="{file}"\r\nContent-Type: {mime}', data)
        for name, (file, data, mime) in files
    ]
    parts = [
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + data + b"\r\n"
        for head, data in [*texts, *named]
    ]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def error_of(answer: Answer, status: int = 400) -> dict[str, Any]:
    """The four members of a refusal's envelope."""
    assert answer.status == status, answer.content()[:500]
    error: dict[str, Any] = parsed(answer)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def reference(number: int = 0) -> dict[str, str]:
    return {"image_url": f"https://example.com/{number}.png"}


def events(body: Any) -> list[tuple[str, Any]]:
    """The name and data of each event; comments as ("", text)."""
    assert isinstance(body, bytes)
    assert body.endswith(b"\n\n")
    found = []
    for block in body.decode().split("\n\n")[:-1]:
        if block.startswith(":"):
            found.append(("", block[2:]))
        else:
            name, data = block.split("\n")
            found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def begun() -> Report:
    """A generation that is held and waits."""
    order = Order(model=FLASH.model, asked="auto", prompt="x")
    return report(order, dialect="openai", expires_at=NOW + timedelta(days=1))
