"""The first image: made through the REST API, over HTTP, with a real key, like any customer's."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

MODEL = "gemini-2.5-flash-image"
PROMPT = "A painter's easel by a tall window, morning light, a half-finished landscape on the canvas"
POLL_SECONDS = 0.1


class FirstImageProblem(Exception):
    """The image could not be made; the message says what was answered."""


@dataclass(frozen=True, slots=True)
class FirstImage:
    """The file, where it is served, and what it cost: tokens and dollars as the answer's headers say."""

    data: bytes
    url: str
    tokens: str
    cost: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Client:
    """HTTP/1.1 to a web process at `host`:`port` that is known by the name of `origin`."""

    host: str
    port: int
    origin: str
    key: str = ""

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers (names in lower case) and body of one request. Raises OSError."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        headers = {"Host": urlsplit(self.origin).netloc, "Content-Type": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def json(self, method: str, path: str, body: Any = None) -> tuple[Mapping[str, str], dict[str, Any]]:
        """Headers and JSON object of a good answer. Raises FirstImageProblem for any other."""
        status, headers, content = self.ask(method, path, body)
        if status != 200:
            raise FirstImageProblem(
                f"{method} {path} answered {status}: {content[:300].decode(errors='replace')}"
            )
        return headers, json.loads(content)


def wait_for_web(client: Client, seconds: float, gone: Callable[[], bool]) -> None:
    """Until the web process answers that it lives. Raises FirstImageProblem when it does not in time;
    returns at once when `gone` says that somebody wants to stop."""
    end = time.monotonic() + seconds
    while not gone():
        try:
            if client.ask("GET", "/healthz")[0] == 200:
                return
        except OSError:
            pass  # not listening yet
        if time.monotonic() > end:
            raise FirstImageProblem(f"The web process does not answer within {seconds:.0f} seconds")
        time.sleep(0.05)


def make(client: Client, *, seconds: float, progress: Callable[[int], None]) -> FirstImage:
    """Order one image at the evolink door, wait for it and fetch it. `progress` is told 0 to 100."""
    began = time.monotonic()
    _, task = client.json(
        "POST", "/evolink/v1/images/generations", {"model": MODEL, "prompt": PROMPT, "size": "4:3"}
    )
    headers: Mapping[str, str] = {}
    while task["status"] in ("pending", "processing"):
        if time.monotonic() - began > seconds:
            raise FirstImageProblem(f"The image is not there after {seconds:.0f} seconds")
        time.sleep(POLL_SECONDS)
        headers, task = client.json("GET", f"/evolink/v1/tasks/{task['id']}")
        progress(int(task.get("progress", 0)))
    if task["status"] != "completed":
        raise FirstImageProblem(f"The image failed: {task.get('error', {}).get('message', task['status'])}")
    url = task["results"][0]
    parts = urlsplit(url)
    status, _, data = client.ask("GET", f"{parts.path}?{parts.query}")
    if status != 200:
        raise FirstImageProblem(f"The image's address answered {status}")
    cost, tokens = headers.get("x-easel-cost-usd", "?"), headers.get("x-easel-tokens", "?")
    return FirstImage(data, url, tokens, cost, time.monotonic() - began)
