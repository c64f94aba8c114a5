"""Whether every page stays quick however long a history is (O5): `script/bench pages [--quick]`.

An organization with 5,000 generations is made and all pages are walked; then one with 200,000 generations
and about 400,000 calls beside it, and they are walked again: each several times, over HTTP, against the real
server. A page breaks the promise with 300 ms or more at the 95th percentile, with twice the median time of
the small history (differences under 20 ms are no difference), or with more queries. Then the longest file is
taken, and the server's memory watched.
"""

from __future__ import annotations

import argparse
import logging
import math
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import psycopg

from bench.stand.rig import ROOT, bare, cpu, database_cpu, machine, memory
from bench.stand.visitor import Seen, Visitor, measure
from tests.house import Program, Servers, free_port, wait_until

LIMIT_MS, RATIO, NOISE_MS, SPARE_QUERIES, GROWN_MB = 300.0, 2.0, 20.0, 0, 32
SMALL = 5_000
COLUMNS = "  small p50  p95  cpu   large p50  p95  cpu   ratio  queries  page"


@dataclass(frozen=True)
class Row:
    """A page at both sizes."""

    name: str
    small: Seen | None
    large: Seen

    @property
    def ratio(self) -> float:
        return self.large.median / self.small.median if self.small else math.nan

    @property
    def broken(self) -> list[str]:
        """What it breaks, in words."""
        found = []
        if self.large.p95 >= LIMIT_MS:
            found.append(f"{self.large.p95:.0f} ms at the 95th percentile")
        if self.small and self.ratio >= RATIO and self.large.median - self.small.median >= NOISE_MS:
            found.append(f"{self.ratio:.1f} times the small history's time")
        if self.small and self.large.queries > self.small.queries + SPARE_QUERIES:
            found.append(f"{self.large.queries} queries, {self.small.queries} with the small history")
        return found

    def __str__(self) -> str:
        small = _times(self.small) if self.small else f"{'-':>9} {'-':>5} {'-':>4}"
        counts = f"{self.small.queries if self.small else '-'}/{self.large.queries}"
        return (
            f"  {small}  {_times(self.large)}  {self.ratio:6.1f}  {counts:>7}  "
            f"{self.name}{'  <--' if self.broken else ''}"
        )


def _times(seen: Seen) -> str:
    return f"{seen.median:9.0f} {seen.p95:5.0f} {seen.cpu:4.0f}"


# ---- walking -----------------------------------------------------------------------------------


@dataclass
class House:
    """The running product, and who looks at it."""

    web: Program
    database_pid: int
    admin: psycopg.Connection[Any]
    fewest: int
    seconds: float

    def spent(self) -> float:
        """Processor seconds of the web server and the database so far."""
        return cpu(self.web) + database_cpu(self.database_pid)

    def walk(self, slug: str, before: dict[str, Seen]) -> Iterator[Row]:
        """Every page of a team and of the operators, as it is measured. `before` are those of the small
        history, by name."""
        from bench.stand import office, walk

        known = walk.known_of(self.admin, slug)
        owner, operator = (Visitor(self.web.url, email) for email in (f"owner@{slug}.localhost", OPERATOR))
        for visitor, pages in (
            (owner, walk.pages(owner.text, known)),
            (operator, office.pages(operator.text, known)),
        ):
            for page in pages:
                if seen := measure(visitor, page, self.fewest, self.seconds, self.spent):
                    yield Row(f"{page.area}: {page.name}", before.get(f"{page.area}: {page.name}"), seen)

    def file(self) -> tuple[int, float, int, int]:
        """Take the file of all generations: its rows, seconds, and the server's megabytes before and at
        most."""
        visitor = Visitor(self.web.url, OPERATOR)
        before, began, lines = memory(self.web), time.perf_counter(), -1
        with Watch(self.web) as watch, visitor.http.stream("GET", FILE) as answer:
            assert answer.status_code == 200, answer.status_code
            lines += sum(chunk.count(b"\n") for chunk in answer.iter_raw())
        return lines, time.perf_counter() - began, before, watch.most


OPERATOR, FILE = "operator@bench.localhost", "/admin/generations/generation/csv/"


class Watch:
    """The most memory that a program was seen to have, in megabytes."""

    def __init__(self, program: Program) -> None:
        self._program, self._done = program, Event()
        self._thread = Thread(target=self._look, daemon=True)
        self.most = 0

    def _look(self) -> None:
        while not self._done.wait(0.2):
            self.most = max(self.most, memory(self._program))

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


@contextmanager
def house(fewest: int, seconds: float) -> Iterator[House]:
    """The product with an operator, and nobody's history yet."""
    with bare(DJANGO_SETTINGS_MODULE="config.settings") as (server, home):
        import django

        django.setup()
        logging.getLogger("httpx2").setLevel(logging.WARNING)
        from accounts.actions import operators
        from accounts.auditing import Actor

        operators.create(email=OPERATOR, role="superuser", by=Actor.system("bench"))
        with (
            Servers(server.url, home) as servers,
            psycopg.connect(server.admin_url, autocommit=True) as admin,
        ):
            yield House(serve(servers), server.pid(), admin, fewest, seconds)


def serve(servers: Servers) -> Program:
    """The ASGI server, with the one header more."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environ = servers.environ(PORT=str(port), EASEL_URL=url)
    environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "platform")])
    command = [sys.executable, "-m", "uvicorn", "bench.stand.watched:application", "--port", str(port),
               "--host", "127.0.0.1", "--no-access-log", "--no-proxy-headers"]  # fmt: skip
    web = servers.start("web", command, environ, url)
    wait_until(lambda: web.listens(port), web, 40)
    return web


# ---- telling -----------------------------------------------------------------------------------


def shown(rows: Iterable[Row]) -> list[Row]:
    """All of them, each printed as it comes."""
    print(COLUMNS)
    kept = []
    for row in rows:
        print(row, flush=True)
        kept.append(row)
    return kept


def told(rows: list[Row], grown: int) -> int:
    """What broke its promise; the exit code."""
    broken = [(row.name, trouble) for row in rows for trouble in row.broken]
    if grown > GROWN_MB:
        broken.append((FILE, f"the server grew by {grown} MB"))
    slowest = max(rows, key=lambda row: row.large.p95)
    print(f"\n{len(rows)} pages on {machine()}, load {os.getloadavg()[0]:.1f}. The slowest: {slowest.name},"
          f" {slowest.large.p95:.0f} ms at the 95th percentile.")  # fmt: skip
    for name, trouble in broken:
        print(f"  broken: {name}: {trouble}")
    return 1 if broken else 0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="20,000 generations, two looks at each page")
    parser.add_argument("--generations", type=int, default=200_000)
    parser.add_argument("--seconds", type=float, default=0.25, help="for each page, at each size")
    given = parser.parse_args()
    large, fewest, seconds = (20_000, 2, 0.0) if given.quick else (given.generations, 5, given.seconds)
    with house(fewest, seconds) as stand:
        raise SystemExit(run(stand, large))


def run(stand: House, large: int) -> int:
    """Both sizes, the file, the verdict."""
    from bench.stand.furnish import furnish

    furnish(stand.admin, "small", SMALL)
    before = {row.name: row.large for row in shown(stand.walk("small", {}))}
    began = time.monotonic()
    furnish(stand.admin, "large", large)
    print(f"\n{large:,} generations in {time.monotonic() - began:.0f} s.\n")
    rows = shown(stand.walk("large", before))
    lines, took, at_first, most = stand.file()
    print(f"\nThe file of {lines:,} rows took {took:.0f} s; the server had {at_first} MB, at most {most} MB.")
    return told(rows, most - at_first)


if __name__ == "__main__":
    main()
