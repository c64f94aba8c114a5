"""What `up` asks of the machine before it starts anything: a free port, a data folder of its own."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from runtime import embedded


class MachineProblem(Exception):
    """Easel cannot start here. The message is one sentence with the remedy."""


def refuse_taken_port(host: str, port: int) -> None:
    """Raises MachineProblem now, rather than have a web process that cannot start later."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                remedy = f"stop what listens there, or choose another one, like PORT={port + 1}"
                raise MachineProblem(f"Port {port} is taken: {remedy}.") from None
            remedy = "set HOST and PORT to an address of this machine"
            raise MachineProblem(
                f"Nobody may listen on {host}:{port} ({error.strerror}): {remedy}."
            ) from None


@contextlib.contextmanager
def alone(data: Path) -> Iterator[None]:
    """For the length of the block nobody else runs Easel on this data: two would kill each other's
    clusters. Raises MachineProblem."""
    embedded.make_data_directory(data)
    with (data / "up.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            remedy = "stop it first, or give this one its own EASEL_DATA"
            raise MachineProblem(f"Easel runs on {data} already: {remedy}.") from None
        yield


@contextlib.contextmanager
def watched_database(home: Path, url: str) -> Iterator[None]:
    """For the length of the block, start the embedded server of `home` again whenever it dies. Does
    nothing when `url` is another server's."""
    server = embedded.Embedded(home)
    try:
        ours = server.url == url
    except OSError:
        ours = False
    if not ours:
        yield
        return
    stop = threading.Event()
    guard = threading.Thread(target=_revive, args=(server, stop), name="database", daemon=True)
    guard.start()
    try:
        yield
    finally:
        stop.set()
        guard.join()


def _revive(server: embedded.Embedded, stop: threading.Event) -> None:
    while not stop.wait(1):
        if server.pid() is None:
            with contextlib.suppress(embedded.EmbeddedProblem, OSError):
                server.start()


def log_folder(data: Path) -> Path:
    """Where the processes' logs go."""
    folder = data / "logs"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
