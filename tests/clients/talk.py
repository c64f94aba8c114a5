"""Talks to a small program that uses an official client: one JSON object a line, both ways."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from PIL import Image


def environ(**more: str) -> dict[str, str]:
    """What a program may know: nothing of this machine's keys and proxies."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | more


@dataclass
class Program:
    """A running program. It makes its client as the documentation says, with no other setting than
    address and key, for each request it is asked for."""

    runtime: str
    command: Sequence[str | Path]
    folder: Path
    _process: subprocess.Popen[str] | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self.command,
            cwd=self.folder,
            env=environ(),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.communicate(timeout=20)  # the end of its input ends it

    def ask(self, task: str, url: str, key: str, **what: Any) -> Any:
        """What came of a task; `{"error": ...}` if the client raised."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"task": task, "url": url, "key": key, **what}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the program ended with {self._process.wait(10)}"
        return json.loads(line)


@dataclass(frozen=True)
class Caller:
    """A program that speaks to one server with one key."""

    program: Program
    url: str
    key: str

    def __call__(self, task: str, **what: Any) -> Any:
        return self.program.ask(task, self.url, self.key, **what)

    def refused(self, task: str, **what: Any) -> Mapping[str, Any]:
        """The error that the client raises."""
        told = self(task, **what)
        assert set(told) == {"error"}, str(told)[:500]
        error: Mapping[str, Any] = told["error"]
        return error


def sizes(told: Mapping[str, Any]) -> list[tuple[int, int]]:
    """The pixels of the images, each decoded whole."""
    found = []
    for encoded in told["images"]:
        picture = Image.open(io.BytesIO(base64.b64decode(encoded)))
        picture.load()
        found.append(picture.size)
    return found
