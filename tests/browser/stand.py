"""A demonstration of one's own: data in a temporary folder, a free port, gone at the end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.house import ROOT, free_port

START_SECONDS, STOP_SECONDS, ALBUM_SECONDS = 300.0, 60.0, 8.0
READY = "Ctrl-C stops everything."


@dataclass(frozen=True)
class Stand:
    """Where it listens, and what `seed_demo` wrote of it: logins, keys, the organization."""

    url: str
    secrets: dict[str, Any]


class StandProblem(Exception):
    """It did not start; the message has the end of its log."""


@contextmanager
def stand(say: Callable[[str], None], url: str | None = None, logins: Path | None = None) -> Iterator[Stand]:
    """A demonstration for the length of the block, or the one that runs at `url` already. Raises
    StandProblem."""
    if url and logins:
        yield Stand(url, json.loads(logins.read_text()))
        return
    home = Path(tempfile.mkdtemp(prefix="easel-shots-"))
    home.chmod(0o755)  # the embedded server may run as another user
    try:
        yield from _run(home, say)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _run(home: Path, say: Callable[[str], None]) -> Iterator[Stand]:
    port = free_port()
    url = f"http://localhost:{port}"
    log = home / "up.log"
    say(f"Starting a demonstration at {url} ...")
    with log.open("wb") as out:
        command = [sys.executable, "manage.py", "up", "--demo"]
        program = subprocess.Popen(command, cwd=ROOT, env=_environ(home, port), stdout=out, stderr=out)
    try:
        _wait(program, log)
        time.sleep(ALBUM_SECONDS)  # the last pictures of the album are being drawn
        yield Stand(url, json.loads((home / "demo.json").read_text()))
    finally:
        _stop(program)


def _environ(home: Path, port: int) -> dict[str, str]:
    """This shell's, without what would make it another installation."""
    ours = {k: v for k, v in os.environ.items() if not k.startswith(("EASEL_", "DATABASE_"))}
    return {**ours, "EASEL_DATA": str(home), "PORT": str(port), "PYTHONUNBUFFERED": "1"}


def _wait(program: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while READY not in log.read_text(errors="replace"):
        if program.poll() is not None or time.monotonic() > end:
            raise StandProblem(f"The demonstration did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.2)


def _stop(program: subprocess.Popen[bytes]) -> None:
    """By its own id; it ends what it started, the embedded server last."""
    program.terminate()
    try:
        program.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()
