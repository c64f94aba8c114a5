"""ARCHITECTURE.md tells the truth: its files exist, and a call goes through them in that order."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from tests.cast import Cast

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "ARCHITECTURE.md").read_text()
ORDER = re.findall(r"^\d+\. `([^`]+)`", PAGE, re.MULTILINE)


def test_every_path_that_the_page_names_exists() -> None:
    named = re.findall(r"`((?:platform|accounts|billing|generations|tests|bench)/[^`]*)`", PAGE)
    assert len(named) > 20
    missing = [path for path in named if "..." not in path and not (ROOT / path).exists()]
    assert not missing


def test_a_call_enters_the_files_in_the_order_that_the_page_gives(cast: Cast) -> None:
    cast.credit(1)
    entered = Entered({str(ROOT / path): path for path in ORDER})
    status, body = asyncio.run(generate(cast.key(), entered))
    assert status == 200, body
    assert entered.order == ORDER


class Entered:
    """Notes the first call into each file, in every thread."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files, self.order = files, list[str]()

    def note(self, frame: FrameType, event: str, _: Any) -> None:
        path = self.files.get(frame.f_code.co_filename)
        if event == "call" and path and path not in self.order and frame.f_code.co_name != "<module>":
            self.order.append(path)

    async def during(self, call: Any) -> Any:
        from runtime import database

        database.close()  # its threads must be born under the profile
        threading.setprofile(self.note)
        sys.setprofile(self.note)
        try:
            return await call
        finally:
            sys.setprofile(None)
            threading.setprofile(None)  # type: ignore[arg-type]  # the documented way to end it
            database.close()


async def generate(key: str, entered: Entered) -> tuple[int, bytes]:
    """One synchronous call to the application itself, with its history flushed."""
    from config.asgi import Application

    application = Application()
    body = json.dumps({"model": "gemini-2.5-flash-image", "prompt": "A lamp"}).encode()
    answers: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        answers.append(message)

    headers = [
        (b"host", b"localhost"),
        (b"authorization", f"Bearer {key}".encode()),
        (b"content-type", b"application/json"),
    ]
    scope = {"type": "http", "method": "POST", "path": "/openai/v1/images/generations", "query_string": b"",
             "scheme": "http", "headers": headers, "client": ("127.0.0.1", 1)}  # fmt: skip
    await entered.during(application(scope, receive, send))  # type: ignore[arg-type]
    await application._stop()
    return answers[0]["status"], answers[-1].get("body", b"")
