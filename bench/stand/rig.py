"""The rig of the benchmarks: a fresh database, a lean upstream, the product's own programs.

Walls, history, ledger and limits are all on; the rate limit is only set high. The web process (or
the worker) has the first core for itself; database, upstream and load share the rest.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]

from tests.house import Program, Servers, free_port, wait_until  # noqa: E402


@dataclass
class Rig:
    """What a benchmark works with."""

    servers: Servers
    admin_url: str
    key: str
    database_pid: int

    def upstream(self, size: int, hold: float = 0.0) -> str:
        """A lean Gemini on a port of its own; its URL."""
        port = free_port()
        command = [
            sys.executable,
            "-m",
            "bench.stand.upstream",
            "--port",
            str(port),
            "--bytes",
            str(size),
            "--hold",
            str(hold),
        ]
        program = self.servers.start("upstream", pinned(command, last=True), self.servers.environ())
        wait_until(lambda: _listens(port), program)
        return f"http://127.0.0.1:{port}"

    def load(self, url: str, body: dict[str, object], callers: int, requests: int) -> dict[str, Any]:
        """Run the load as a process of its own."""
        options = {
            "url": url,
            "key": self.key,
            "body": json.dumps(body),
            "callers": callers,
            "requests": requests,
        }
        given = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        command = [sys.executable, "-m", "bench.stand.load", *given]
        done = subprocess.run(
            pinned(command, last=True), cwd=ROOT, capture_output=True, text=True, check=True
        )
        result: dict[str, Any] = json.loads(done.stdout)
        if result["errors"]:
            raise SystemExit(
                f"{result['errors']} of {result['requests']} requests failed: no number from this run."
            )
        return result

    def database(self) -> psycopg.Connection:
        return psycopg.connect(self.admin_url, autocommit=True)


@contextmanager
def rig(**environ: str) -> Iterator[Rig]:
    """Everything that must stand before the first measurement, taken down at the end."""
    with bare(**environ) as (server, home):
        manage("seed_demo")
        manage("grant", "--org", "demo", "--usd", "1000000", "--reason", "benchmark")
        key = json.loads((home / "demo.json").read_text())["live_key"]
        with Servers(server.url, home) as servers:
            yield Rig(servers, server.admin_url, key, server.pid())


@contextmanager
def bare(**environ: str) -> Iterator[tuple[Any, Path]]:
    """A database server of its own with the catalogue and nobody in it, and the folder it lives in."""
    home = Path(tempfile.mkdtemp(prefix="easel-bench-"))
    home.chmod(0o755)
    os.environ.update(EASEL_ENV="test", EASEL_DATA=str(home), EASEL_RATE_LIMIT="1000000", **environ)
    from runtime import embedded

    try:
        with embedded.session(home) as server:
            os.environ.update(DATABASE_URL=server.url, DATABASE_ADMIN_URL=server.admin_url)
            for command in ("setup_database", "migrate", "seed_catalogue"):
                manage(command)
            yield server, home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def manage(*command: str) -> None:
    """Run one of the product's own commands. Ends the benchmark where it fails."""
    done = subprocess.run(
        [sys.executable, "manage.py", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"manage.py {command[0]} failed: {done.stderr[-2000:]}")


def pinned(command: list[str], *, last: bool) -> list[str]:
    """The command on the first core, or on the others."""
    cores = os.cpu_count() or 1
    if cores < 2 or shutil.which("taskset") is None:
        return command
    return ["taskset", "-c", f"1-{cores - 1}" if last else "0", *command]


def pin(program: Program) -> None:
    """Move a running program and its children to the first core."""
    for process in (psutil.Process(program.pid), *program.children()):
        process.cpu_affinity([0])


def memory(program: Program) -> int:
    """Megabytes of the largest process of a program."""
    processes = (psutil.Process(program.pid), *program.children())
    return max(int(process.memory_info().rss / 1e6) for process in processes)


def cpu(program: Program) -> float:
    """Seconds of processor time that a program's processes have used so far."""
    return sum(_seconds(process) for process in (psutil.Process(program.pid), *program.children()))


def database_cpu(pid: int) -> float:
    """Seconds of processor time of the database server with all its backends, ended ones too."""
    server = psutil.Process(pid)
    return float(sum(server.cpu_times()[:4])) + sum(_seconds(child) for child in server.children())


def _seconds(process: psutil.Process) -> float:
    """Processor seconds of one process; none if it ended meanwhile."""
    try:
        return float(sum(process.cpu_times()[:2]))
    except psutil.NoSuchProcess:
        return 0.0


def threads(program: Program) -> int:
    return max(process.num_threads() for process in (psutil.Process(program.pid), *program.children()))


def machine() -> str:
    system = f"{platform.system()} {platform.machine()}"
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {system}"


def show(title: str, rows: list[dict[str, Any]]) -> None:
    """A small table for people and a JSON line for programs."""
    print(f"\n{title}  ({machine()})")
    names = list(rows[0])
    widths = [max(len(name), *(len(str(row[name])) for row in rows)) for name in names]
    for line in [dict(zip(names, names, strict=True)), *rows]:
        print(
            "  " + "  ".join(str(line[name]).rjust(width) for name, width in zip(names, widths, strict=True))
        )
    print(json.dumps({"bench": title, "machine": machine(), "rows": rows}))


def _listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
