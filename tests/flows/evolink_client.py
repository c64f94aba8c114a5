"""EvoLink's door over HTTP, as its clients call it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import httpx2
from PIL import Image

from tests.flows.wire import CLIENT, MODEL, eventually

FILES = "/api/v1/files"
SUBMIT = "/v1/images/generations"


def picture(kind: str = "PNG", size: tuple[int, int] = (320, 180), mode: str = "RGB") -> bytes:
    Image.new(mode, size).save(file := io.BytesIO(), kind)
    return file.getvalue()


def pixels(data: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(data)).size


@dataclass(frozen=True)
class Client:
    """A base URL (with the door's prefix) and a key."""

    base: str
    key: str

    def call(self, method: str, path: str, **more: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.key}", **more.pop("headers", {})}
        return CLIENT.request(method, self.base + path, headers=headers, **more)

    def submit(self, **fields: Any) -> httpx2.Response:
        return self.call("POST", SUBMIT, json={"model": MODEL, "prompt": "A lamp", **fields})

    def rehearse(self, **fields: Any) -> httpx2.Response:
        """The same, with nothing ordered."""
        body = {"model": MODEL, "prompt": "A lamp", **fields}
        return self.call("POST", SUBMIT, json=body, headers={"X-Dry-Run": "true"})

    def finished(self, made: httpx2.Response) -> dict[str, Any]:
        """The task, once it is final."""
        assert made.status_code == 200, made.text
        path = f"/v1/tasks/{made.json()['id']}"

        def final() -> dict[str, Any] | None:
            found: dict[str, Any] = self.call("GET", path).json()
            return found if found["status"] in ("completed", "failed") else None

        task = eventually(final)
        assert task is not None
        return task

    def upload(self, data: bytes, name: str = "cat.png", **fields: str) -> httpx2.Response:
        path = f"{FILES}/upload/stream"
        return self.call("POST", path, files={"file": (name, data)}, data=fields)

    def kept(self, data: bytes, name: str = "cat.png") -> dict[str, Any]:
        """What is told of a picture that was taken."""
        answer = self.upload(data, name)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["data"])
