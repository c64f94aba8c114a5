"""A real Redis that keeps nothing on disk: it is killed, and comes back empty."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from redis import Redis as Client

from tests.house import Program, free_port, wait_until

PROGRAM = "redis-server"
ALONE = ["--bind", "127.0.0.1", "--protected-mode", "yes", "--save", "", "--appendonly", "no"]


class Redis:
    """A server of its own on a loopback port. `begin`, `die`, and `begin` again, empty, at the same port.

    Whatever else listens on this machine, a service on Redis' usual port too, is neither asked nor ended.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program: Program | None = None
        self.port = free_port()

    @classmethod
    @contextlib.contextmanager
    def running(cls, folder: Path) -> Iterator[Redis]:
        """One for the length of the block, with its log in the folder."""
        redis = cls(folder)
        try:
            redis.begin()
            yield redis
        finally:
            redis.die()

    @property
    def url(self) -> str:
        """For EASEL_BROKER."""
        return f"redis://127.0.0.1:{self.port}/0"

    def begin(self) -> None:
        """Start with nothing kept. Back when it answers; AssertionError with its log if it does not."""
        log = self._folder / "redis.log"
        command = [PROGRAM, "--port", str(self.port), "--dir", str(self._folder), *ALONE]
        with log.open("ab") as out:
            process = subprocess.Popen(
                command, cwd=self._folder, stdout=out, stderr=out, start_new_session=True
            )
        self._program = Program("redis", process, log)
        wait_until(self._answers, self._program)

    def die(self) -> None:
        """SIGKILL: nobody listens, and every connection is gone."""
        program, self._program = self._program, None
        if program is not None:
            program.kill()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Dead for the length of the block."""
        self.die()
        try:
            yield
        finally:
            self.begin()

    def _answers(self) -> bool:
        """Whether it is this very server that answers, and not a neighbour's."""
        if self._program is None or not self._program.listens(self.port):
            return False
        with Client("127.0.0.1", self.port, socket_timeout=1) as client:
            return bool(client.ping())
