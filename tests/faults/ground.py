"""What the fault tests stand on: real programs with short clocks, an upstream that counts its calls,
ways to find the process that does something, and a look at the tables that no wall holds."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import psutil
import psycopg
from psycopg.rows import tuple_row

from runtime import database
from tests.cast import Cast, make_cast
from tests.house import Program, Servers, django_settings, wait_until
from tests.upstreams.gemini import KEY, Upstream

CLOCKS = {
    "EASEL_ATTEMPT_SECONDS": "9",
    "EASEL_SYNC_WAIT_SECONDS": "12",
    "EASEL_LEASE_SECONDS": "3",
    "EASEL_RENEW_SECONDS": "1",
    "EASEL_REAP_SECONDS": "0.5",
    "EASEL_SLICE_SECONDS": "6",
    "EASEL_BEAT_SECONDS": "0.5",
    "EASEL_STOP_SECONDS": "13",
    "EASEL_SILENCE_SECONDS": "20",  # not a tenth: Python takes the same seconds to start
}
"""A tenth of the production clocks."""

LEASE, REAP, CLAIM = 3.0, 0.5, 5.0
AGAIN = LEASE + REAP + CLAIM
"""Seconds in which lost work runs again: until the lease ends, is reaped, and claimed."""

MODEL = "gemini-2.5-flash-image"
READS = {"0", "63"}
"""The number of the system call `read` on x86-64 and on ARM."""


def point_django_at(url: str) -> None:
    """Connect Django in this process, with all its threads, to another database."""
    from django.conf import settings
    from django.db import connections

    database.close()
    connections["default"].close()
    settings.DATABASES["default"].update(django_settings(url))
    connections["default"].settings_dict.update(django_settings(url))


@dataclass
class Ground:
    """A database, an upstream, and programs that are started one by one."""

    servers: Servers
    google: Upstream
    admin_url: str
    environ: dict[str, str] = field(default_factory=dict)

    # ---- programs

    def settings(self, **more: str) -> dict[str, str]:
        upstream = {"EASEL_GEMINI_API_KEY": KEY, "EASEL_GEMINI_BASE_URL": self.google.url}
        return CLOCKS | upstream | self.environ | more

    def web(self, **environ: str) -> Program:
        return self.servers.web(**self.settings(**environ))

    def cluster(self, name: str = "easel-1", **environ: str) -> Program:
        """A cluster under its supervisor, as systemd starts it; ready when a canary came back."""
        settings = self.servers.environ(**self.settings(**environ))
        self.run("DELETE FROM generations_beat WHERE cluster = %s", name)  # of an earlier life
        command = [sys.executable, "manage.py", "cluster", "--name", name]
        program = self.servers.start(name, command, settings)
        wait_until(lambda: self.beats(name, "canary"), program, 40)
        return program

    def janitor(self, **environ: str) -> Program:
        return self.servers.janitor(**self.settings(**environ))

    def started(self, clusters: int = 1) -> Program:
        """The web server, after it, janitor and clusters were started if they do not run yet."""
        running = {
            program.name: program for program in self.servers.programs if program.process.poll() is None
        }
        web = running.get("web") or self.web()
        if "janitor" not in running:
            self.janitor()
        for number in range(1, clusters + 1):
            if f"easel-{number}" not in running:
                self.cluster(f"easel-{number}")
        return web

    def end(self, *programs: Program) -> None:
        """Kill programs that this ground started."""
        for program in programs:
            if program.process.poll() is None:
                program.kill()

    # ---- the tables

    @cached_property
    def connection(self) -> psycopg.Connection:
        """One that no wall holds."""
        return psycopg.connect(self.admin_url, autocommit=True, row_factory=tuple_row)

    def forget_connection(self) -> None:
        """After the server went away: connect anew with the next look."""
        self.__dict__.pop("connection", None)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> Any:
        """The first column of the first row, or None."""
        found = self.rows(sql, *values)
        return found[0][0] if found else None

    def run(self, sql: str, *values: Any) -> int:
        """Execute what gives no rows; how many it touched."""
        return self.connection.execute(sql, values).rowcount

    def beats(self, cluster: str, kind: str) -> int:
        sql = (
            "SELECT count(*) FROM generations_beat WHERE cluster = %s AND kind = %s"
            " AND at > clock_timestamp() - interval '5 seconds'"
        )
        return int(self.one(sql, cluster, kind))

    def state(self, generation: UUID) -> str:
        return str(self.one("SELECT state FROM generations_generation WHERE id = %s", generation))

    def attempts(self, generation: UUID) -> list[str]:
        """The outcomes of its attempts, in order."""
        sql = "SELECT outcome FROM generations_attempt WHERE generation_id = %s ORDER BY number"
        return [outcome for (outcome,) in self.rows(sql, generation)]

    def entries(self, generation: UUID) -> list[str]:
        """The kinds of its ledger entries, in order."""
        sql = "SELECT kind FROM billing_entry WHERE generation_id = %s ORDER BY id"
        return [kind for (kind,) in self.rows(sql, generation)]

    def live(self) -> int:
        return int(
            self.one("SELECT count(*) FROM generations_generation WHERE state IN ('queued', 'running')")
        )

    def calls(self, prompt: str) -> int:
        """How often the upstream was asked for this prompt."""
        return self.google.calls.prompts[prompt]

    def cancel_live(self) -> None:
        """End what nobody waits for any more, as its customer could."""
        from generations.actions import finish

        sql = "SELECT organization_id, id FROM generations_generation WHERE state IN ('queued', 'running')"
        for organization, generation in self.rows(sql):
            finish.cancel(organization, generation)

    # ---- processes

    def worker_of(self, generation: UUID) -> int:
        """The process that runs a generation, by its lease."""
        owner = self.one("SELECT lease_owner FROM generations_generation WHERE id = %s", generation)
        return int(owner.split(":")[1])

    def until(self, condition: Callable[[], Any], seconds: float = 30) -> float:
        """Wait for it; the seconds it took. Fails with the logs of what died meanwhile."""
        began = time.monotonic()
        try:
            wait_until(condition, seconds=seconds)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.last_words()}") from None
        return time.monotonic() - began

    def last_words(self) -> str:
        """The ends of the programs' logs."""
        return "\n".join(
            f"--- {p.name} ({p.process.poll()})\n{p.output()[-1500:]}" for p in self.servers.programs
        )


@dataclass(frozen=True)
class Family:
    """The processes of one cluster: supervisor, head, sentinel, and the sentinel's children with the
    workers first (as they were born)."""

    supervisor: psutil.Process
    head: psutil.Process
    sentinel: psutil.Process
    children: tuple[psutil.Process, ...]

    @classmethod
    def of(cls, program: Program) -> Family | None:
        """The family as it lives now; None while it is not complete."""
        try:
            supervisor = psutil.Process(program.pid)
            (head,) = supervisor.children()
            (sentinel,) = head.children()
            children = tuple(sorted(sentinel.children(), key=lambda child: (child.create_time(), child.pid)))
        except (psutil.NoSuchProcess, ValueError):
            return None
        return cls(supervisor, head, sentinel, children)

    def all(self) -> list[psutil.Process]:
        return [self.head, self.sentinel, *self.children]

    def lock_holder(self, workers: int) -> psutil.Process | None:
        """The idle worker that waits in `read` on the queue, while the others wait for its lock."""
        for worker in self.children[:workers]:
            if _system_call(worker.pid) in READS:
                return worker
        return None


def _system_call(pid: int) -> str:
    """The number of the system call a process waits in, or a word."""
    return Path(f"/proc/{pid}/syscall").read_text().split()[0]


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Signal one process that the test itself brought to life."""
    os.kill(pid, number)


def alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@dataclass
class Customer:
    """A team with credit and a key, who asks at the doors."""

    cast: Cast
    key: str

    @classmethod
    def with_credit(cls, images: int = 100_000) -> Customer:
        cast = make_cast()
        cast.credit(images)
        return cls(cast, cast.key())

    def post(
        self, web: Program, prompt: str, *, idempotency_key: str = "", seconds: float = 30
    ) -> httpx2.Response:
        """Submit one image at the evolink door."""
        headers = {"Authorization": f"Bearer {self.key}"}
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        url = f"{web.url}/evolink/v1/images/generations"
        return httpx2.post(url, json={"model": MODEL, "prompt": prompt}, headers=headers, timeout=seconds)

    def submit(self, web: Program, prompt: str) -> UUID:
        """Submit one image; the generation's id."""
        answer = self.post(web, prompt)
        assert answer.status_code == 200, answer.text
        return UUID(answer.headers["x-easel-generation"])

    def draw(self, web: Program, prompt: str, *, idempotency_key: str = "") -> httpx2.Response:
        """Ask at the openai door and wait for the image."""
        headers = {"Authorization": f"Bearer {self.key}"}
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        url = f"{web.url}/openai/v1/images/generations"
        return httpx2.post(url, json={"model": MODEL, "prompt": prompt}, headers=headers, timeout=60)
