"""Real programs for tests: the ASGI server, clusters, janitors, each as a subprocess."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlsplit, urlunsplit

import httpx2
import psutil
from psycopg.conninfo import conninfo_to_dict

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 40.0


def with_database(url: str, name: str) -> str:
    """The same URL for another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{quote(name)}"))


def django_settings(url: str) -> dict[str, Any]:
    """The part of DATABASES that names a server and a database."""
    parts = conninfo_to_dict(url)
    return {
        "NAME": parts.get("dbname"),
        "USER": parts.get("user"),
        "PASSWORD": parts.get("password", ""),
        "HOST": parts.get("host", ""),
        "PORT": str(parts.get("port", "") or ""),
    }


def build_template(server: Any, name: str) -> None:
    """Roles, migrations and catalogue in a database that the workers' are copied from."""
    import psycopg

    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    environ = os.environ | {
        "DATABASE_URL": with_database(server.url, name),
        "DATABASE_ADMIN_URL": with_database(server.admin_url, name),
    }
    for command in (["setup_database"], ["migrate", "-v0"], ["seed_catalogue"]):
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{command}: {done.stdout}{done.stderr}")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Program:
    """A running subprocess that leads its own group."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    url: str = ""

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self) -> None:
        """SIGKILL to the whole group, and wait."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)

    def stop(self, seconds: float = 30) -> int:
        """SIGTERM to the leader; the exit code."""
        self.process.terminate()
        return self.process.wait(seconds)

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def listens(self, port: int) -> bool:
        """Whether it is this very program that listens there, and not a neighbour's."""
        try:
            sockets = psutil.Process(self.process.pid).net_connections("tcp4")
        except psutil.NoSuchProcess:
            return False
        return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in sockets)


@dataclass
class Servers:
    """Starts programs against one database; whatever still runs at the end is killed by pid."""

    database: str
    folder: Path
    programs: list[Program] = field(default_factory=list)
    _shared: dict[str, Program] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for program in self.programs:
            if program.process.poll() is None:
                program.kill()

    def environ(self, **more: str) -> dict[str, str]:
        return os.environ | {"DATABASE_URL": self.database, "PYTHONUNBUFFERED": "1"} | more

    def start(self, name: str, command: list[str], environ: Mapping[str, str], url: str = "") -> Program:
        log = self.folder / f"{name}-{len(self.programs)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, cwd=ROOT, env=dict(environ), stdout=out, stderr=out, start_new_session=True
            )
        program = Program(name, process, log, url)
        self.programs.append(program)
        return program

    def web(self, **environ: str) -> Program:
        """An ASGI server on a port of its own, ready to answer."""
        while True:
            program, port = self._web(environ)
            wait_until(partial(_serves_or_ended, program, port), seconds=START_SECONDS)
            if not program.ended:
                return program
            assert "address already in use" in program.output(), program.output()[-3000:]

    def _web(self, environ: Mapping[str, str]) -> tuple[Program, int]:
        """The server on a port that was free a moment ago; a neighbour may have been quicker."""
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        settings = self.environ(**{"PORT": str(port), "EASEL_URL": url, **environ})
        command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port),
                   "--host", "127.0.0.1", "--no-access-log", "--no-proxy-headers",
                   "--timeout-graceful-shutdown", "20"]  # fmt: skip
        settings["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "platform")])
        return self.start("web", command, settings, url), port

    def cluster(self, name: str = "easel-1", **environ: str) -> Program:
        """A django-q2 cluster; ready when its first canary came back."""
        settings = self.environ(EASEL_CLUSTER=name, **environ)
        return self.start(name, [sys.executable, "manage.py", "qcluster"], settings)

    def janitor(self, **environ: str) -> Program:
        return self.start("janitor", [sys.executable, "manage.py", "janitor"], self.environ(**environ))

    def complaints(self) -> str:
        """The last lines with errors in all logs."""
        said = []
        for program in self.programs:
            lines = [line for line in program.output().splitlines() if _complains(line)]
            said += [f"{program.name}: {line[:1500]}" for line in lines[-5:]]
        return "\n".join(said)

    def shared(self) -> Program:
        """The web server of most tests, with a cluster and a janitor, started once per worker."""
        if "web" not in self._shared or self._shared["web"].process.poll() is not None:
            web = self._shared["web"] = self.web()
            self._shared["cluster"] = self.cluster()
            self._shared["janitor"] = self.janitor(EASEL_URL=web.url)
        return self._shared["web"]


def _complains(line: str) -> bool:
    return any(word in line for word in ('"error"', "Error", "Traceback", "exception"))


def _serves_or_ended(program: Program, port: int) -> bool:
    return program.ended or (program.listens(port) and _answers(f"{program.url}/healthz"))


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=1).status_code == 200
    except httpx2.HTTPError:
        return False


def wait_until(
    condition: Any, program: Program | None = None, seconds: float = 30, pause: float = 0.05
) -> None:
    """Wait for a condition; a program that dies meanwhile ends the wait with its log."""
    until = time.monotonic() + seconds
    while not condition():
        if program is not None and program.process.poll() is not None:
            raise AssertionError(
                f"{program.name} ended with {program.process.returncode}:\n{program.output()[-3000:]}"
            )
        if time.monotonic() > until:
            tail = program.output()[-3000:] if program else ""
            raise AssertionError(f"not within {seconds} s\n{tail}")
        time.sleep(pause)
