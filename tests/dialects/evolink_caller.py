"""EvoLink's door in memory, asked with a query or a form too."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from generations.dialect import Answer, Incoming
from generations.dialects import DIALECTS
from generations.spec import Order, Report
from tests.dialects.desk import FLASH, Caller, MemoryDesk, find_route, parsed, report

SUBMIT = "/v1/images/generations"
FILES = "/api/v1/files"
SEED = {"model": "gemini-2.5-flash-image", "prompt": "A cat playing in the grass"}
BOUNDARY = "x"


class EvolinkCaller(Caller):
    """What a client of this door may send."""

    def __init__(self, desk: MemoryDesk) -> None:
        super().__init__(DIALECTS["evolink"], desk)

    def read(self, path: str, **query: str) -> Answer:
        """A GET with a query."""
        route, params = find_route(self.dialect, "GET", path)
        request = Incoming("GET", path, "https://easel.example/evolink", {}, query, b"", params)
        return asyncio.run(self._handle(route, request))

    def send_form(self, path: str, *parts: bytes) -> Answer:
        """A POST of a form; its parts come from `part`."""
        headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
        body = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
        return self.ask("POST", path, body, headers=headers)


def part(name: str, data: bytes, *, filename: str | None = None, mime: str = "") -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'
    head += f'; filename="{filename}"' if filename is not None else ""
    head += f"\r\nContent-Type: {mime}" if mime else ""
    return head.encode() + b"\r\n\r\n" + data + b"\r\n"


def stored(desk: MemoryDesk, **changes: Any) -> Report:
    """A generation on the desk; `changes` replace its fields."""
    order = Order(model=FLASH.model, asked="nano-banana-beta", prompt="x", count=2)
    return desk.keep(replace(report(order), **changes))


def error(answer: Answer) -> dict[str, Any]:
    return dict(parsed(answer)["error"])
