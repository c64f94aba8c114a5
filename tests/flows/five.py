"""All five doors, asked for the same thing and understood the same way."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.flows.wire import CLIENT, MODEL, eventually

QUEUE = "/api/v1/ie/requestqueue/apikey"


@dataclass(frozen=True)
class Wish:
    """What is wanted, whichever door is asked."""

    prompt: str = "A lamp"
    ratio: str = "1:1"
    count: int = 1


@dataclass(frozen=True)
class Way:
    """A door: where it takes an order, how it spells it, where it tells of it, and where its answer has the
    pictures; where it lists, and the ids of what it listed; the method and path that cancel. `counts` is
    the most images it makes of one order; `waits` that its submit answers with the pictures."""

    name: str
    submits: str
    spell: Callable[[Wish], dict[str, Any]]
    reads: str
    pictures: Callable[[Mapping[str, Any]], list[bytes]]
    lists: str
    listed: Callable[[Mapping[str, Any]], list[str]]
    cancels: str
    counts: int = 1
    waits: bool = False

    def post(self, url: str, key: str, wish: Wish, **headers: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {key}"} | headers
        return CLIENT.post(url + self.submits, json=self.spell(wish), headers=headers)

    def read(self, url: str, key: str, generation: str) -> httpx2.Response:
        """By the generation's own id, whichever door made it."""
        path = self.reads.format(id=generation)
        return CLIENT.get(url + path, headers={"Authorization": f"Bearer {key}"})

    def list(self, url: str, key: str, **query: str) -> httpx2.Response:
        """The organization's generations, newest first."""
        return CLIENT.get(url + self.lists, params=query, headers={"Authorization": f"Bearer {key}"})

    def cancel(self, url: str, key: str, generation: str) -> httpx2.Response:
        """By the generation's own id, whichever door made it."""
        method, _, path = self.cancels.format(id=generation).partition(" ")
        return CLIENT.request(method, url + path, headers={"Authorization": f"Bearer {key}"})


def opened(links: list[str]) -> list[bytes]:
    return [CLIENT.get(link).content for link in links]


def _inline(body: Mapping[str, Any]) -> list[bytes]:
    parts = [part for one in body.get("candidates", ()) for part in one.get("content", {}).get("parts", ())]
    return [base64.b64decode(part["inlineData"]["data"]) for part in parts if "inlineData" in part]


EVOLINK = Way(
    "evolink",
    "/evolink/v1/images/generations",
    lambda wish: {"model": MODEL, "prompt": wish.prompt, "size": wish.ratio, "n": wish.count},
    "/evolink/v1/tasks/{id}",
    lambda body: opened(body["results"]),
    "/evolink/v1/tasks",
    lambda body: [one["id"] for one in body["data"]],
    "POST /evolink/v1/tasks/{id}/cancel",
    counts=4,
)
OPENAI = Way(
    "openai",
    "/openai/v1/images/generations",
    lambda wish: {"model": MODEL, "prompt": wish.prompt, "aspect_ratio": wish.ratio, "n": wish.count},
    "/openai/v1/generations/{id}",
    lambda body: [base64.b64decode(item["b64_json"]) for item in body["data"]],
    "/openai/v1/generations",
    lambda body: [one["id"] for one in body["data"]],
    "POST /openai/v1/generations/{id}/cancel",
    counts=10,
    waits=True,
)
TOAPIS = Way(
    "toapis",
    "/toapis/v1/images/generations",
    lambda wish: {"model": f"{MODEL}-official", "prompt": wish.prompt, "size": wish.ratio},
    "/toapis/v1/images/generations/{id}",
    lambda body: opened([item["url"] for item in body["result"]["data"]]),
    "/toapis/v1/images/generations",
    lambda body: [one["id"] for one in body["data"]],
    "POST /toapis/v1/images/generations/{id}/cancel",
)
GEMINI = Way(
    "gemini",
    f"/gemini/v1beta/models/{MODEL}:generateContent",
    lambda wish: {
        "contents": [{"parts": [{"text": wish.prompt}]}],
        "generationConfig": {"candidateCount": wish.count, "imageConfig": {"aspectRatio": wish.ratio}},
    },
    "/gemini/v1beta/generations/{id}",
    _inline,
    "/gemini/v1beta/generations",
    lambda body: [one["name"].removeprefix("generations/") for one in body.get("generations", [])],
    "POST /gemini/v1beta/generations/{id}:cancel",
    counts=10,
    waits=True,
)
GMI = Way(
    "gmi",
    f"/gmi{QUEUE}/requests",
    lambda wish: {"model": MODEL, "payload": {"prompt": wish.prompt, "aspect_ratio": wish.ratio}},
    f"/gmi{QUEUE}/requests/{{id}}",
    lambda body: opened([item["url"] for item in body["outcome"]["media_urls"]]),
    f"/gmi{QUEUE}/requests",
    lambda body: [one["request_id"] for one in body["requests"]],
    f"DELETE /gmi{QUEUE}/requests/{{id}}",
)
WAYS = (EVOLINK, OPENAI, TOAPIS, GEMINI, GMI)


def finished(url: str, key: str, generation: str) -> httpx2.Response:
    """The evolink door's word on a generation, once it is final."""

    def final() -> httpx2.Response | None:
        told = EVOLINK.read(url, key, generation)
        return told if told.json()["status"] in ("completed", "failed") else None

    found = eventually(final)
    assert found is not None
    return found


def hashes(pictures: list[bytes]) -> list[str]:
    return [hashlib.sha256(picture).hexdigest() for picture in pictures]
