"""Somebody who calls Google's door, through its own route table, and looks at what comes back."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from generations.dialect import Answer, Incoming
from generations.dialects.gemini import Gemini
from generations.doors.selection import RouteTable
from generations.errors import Problem
from generations.spec import Order, State
from tests.dialects.desk import FLASH, MemoryDesk, delivered, parsed, picture, report

GEMINI = Gemini()
TABLE = RouteTable(GEMINI)
MODEL = "/v1beta/models/gemini-2.5-flash-image"
GENERATE = f"{MODEL}:generateContent"
STREAM = f"{MODEL}:streamGenerateContent"
PNG = b64encode(picture()).decode()


@dataclass
class Caller:
    """Sends requests through the door's real route table, with a query."""

    desk: MemoryDesk

    def ask(self, method: str, path: str, body: Any = None, query: str = "", **headers: str) -> Answer:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {"content-type": "application/json"} | {n.replace("_", "-"): v for n, v in headers.items()}
        asked = dict(pair.split("=", 1) for pair in query.split("&") if pair)
        matched = TABLE.match(method, path)
        assert matched.params is not None, f"no route {method} {path}"
        request = Incoming(method, path, "https://easel.example/gemini", sent, asked, raw, matched.params)
        return asyncio.run(self._handle(matched.index, request))

    async def _handle(self, index: int, request: Incoming) -> Answer:
        try:
            answer = await TABLE.routes[index].handler(request, self.desk)
            if isinstance(answer.body, AsyncIterator):
                answer.body = b"".join([chunk async for chunk in answer.body])
        except Problem as problem:
            answer = GEMINI.word(problem, request)
        return answer


def said(text: str = "A white siamese cat", **more: Any) -> dict[str, Any]:
    """A request of one user turn."""
    return {"contents": [{"parts": [{"text": text}]}], **more}


def configured(**config: Any) -> dict[str, Any]:
    return said(generationConfig=config)


def ordered(door: Caller, body: Any, path: str = GENERATE) -> Order:
    """The order that a request becomes."""
    answer = door.ask("POST", path, body)
    assert answer.status == 200, answer.content()[:500]
    return door.desk.orders[-1]


def refused(door: Caller, body: Any, status: int = 400, path: str = GENERATE) -> dict[str, Any]:
    """The error of a request that nothing was ordered for."""
    answer = door.ask("POST", path, body)
    assert (answer.status, door.desk.orders) == (status, []), answer.content()[:500]
    error: dict[str, Any] = parsed(answer)["error"]
    assert error["code"] == status
    return error


def field_of(error: dict[str, Any]) -> str:
    """The field that an error is about."""
    (violation,) = error["details"][0]["fieldViolations"]
    assert error["details"][0]["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    return str(violation["field"])


def images(candidate: dict[str, Any]) -> list[bytes]:
    parts = candidate["content"]["parts"]
    return [b64decode(part["inlineData"]["data"], validate=True) for part in parts if "inlineData" in part]


def shown(part: dict[str, Any]) -> dict[str, Any]:
    """A request that shows something beside its words."""
    return {"contents": [{"parts": [{"text": "Make it blue"}, part]}]}


def finish(desk: MemoryDesk, parts: list[dict[str, Any]], images: int, **changes: Any) -> None:
    """From now on `run` ends as a success with these parts."""
    order = Order(model=FLASH.model, asked=FLASH.model, prompt="x", count=images)
    made = delivered(report(order), images)
    desk.ends = {
        "state": State.SUCCEEDED,
        "images": made.images,
        "tokens": made.tokens,
        "parts": tuple(parts),
    } | changes
