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
import statistics
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import httpx2
import psycopg

from bench.stand.rig import ROOT, bare, machine, memory
from tests.house import Program, Servers, free_port, wait_until

if TYPE_CHECKING:
    from bench.stand.walk import Page

HEADER = "x-queries"
LIMIT_MS, RATIO, NOISE_MS, SPARE_QUERIES, GROWN_MB = 300.0, 2.0, 20.0, 0, 32
SMALL = 5_000
FEWEST, MOST = 5, 20
"""Times that a page is asked for."""
COLUMNS = "  small p50  p95   large p50  p95   ratio  queries  page"


@dataclass(frozen=True)
class Seen:
    """What a page took: milliseconds until its first byte, each time, and its queries."""

    times: tuple[float, ...]
    queries: int

    @property
    def median(self) -> float:
        return statistics.median(self.times)

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.times, n=20, method="inclusive")[-1]


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
        small = f"{self.small.median:9.0f} {self.small.p95:5.0f}" if self.small else f"{'-':>9} {'-':>5}"
        counts = f"{self.small.queries if self.small else '-'}/{self.large.queries}"
        return (
            f"  {small}  {self.large.median:9.0f} {self.large.p95:5.0f}  {self.ratio:6.1f}  {counts:>7}  "
            f"{self.name}{'  <--' if self.broken else ''}"
        )


# ---- asking ------------------------------------------------------------------------------------


class Visitor:
    """A browser of somebody who is logged in."""

    def __init__(self, url: str, email: str) -> None:
        from django.test import Client

        from accounts.models import User

        known = Client(SERVER_NAME="localhost")
        known.force_login(User.objects.get(email=email))
        cookies = {name: morsel.value for name, morsel in known.cookies.items()}
        self.http = httpx2.Client(base_url=url, cookies=cookies, timeout=120)

    def text(self, path: str) -> str:
        answer = self.http.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return answer.text

    def ask(self, page: Page) -> tuple[int, int, float]:
        """Status, queries and milliseconds until the first byte of the body. A file is not read on."""
        form: dict[str, Any] = {"data": page.form, "headers": self._token()} if page.form else {}
        began = time.perf_counter()
        with self.http.stream("POST" if page.form else "GET", page.path, **form) as answer:
            chunks = answer.iter_raw()
            next(chunks, b"")
            took = (time.perf_counter() - began) * 1000
            if "csv" not in answer.headers.get("content-type", ""):
                deque(chunks, maxlen=0)
        return answer.status_code, int(answer.headers.get(HEADER, 0)), took

    def _token(self) -> dict[str, str]:
        if "csrftoken" not in self.http.cookies:
            self.text("/admin/find/")
        return {"X-CSRFToken": self.http.cookies["csrftoken"]}


def measure(visitor: Visitor, page: Page, seconds: float) -> Seen | None:
    """Ask several times; None for what is no page (it takes no GET, or leads elsewhere). Raises SystemExit
    for an answer that no page gives."""
    status, _, _ = visitor.ask(page)
    if status in (302, 405) and not page.form:
        return None
    if status not in (200, 302):
        raise SystemExit(f"{page.path} answered {status}: no number from this run.")
    times: list[float] = []
    queries = 0
    until = time.monotonic() + seconds
    while len(times) < FEWEST or (len(times) < MOST and time.monotonic() < until):
        _, queries, took = visitor.ask(page)
        times.append(took)
    return Seen(tuple(times), queries)


# ---- walking -----------------------------------------------------------------------------------


@dataclass
class House:
    """The running product, and who looks at it."""

    web: Program
    admin: psycopg.Connection[Any]
    seconds: float

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
                if seen := measure(visitor, page, self.seconds):
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
def house(seconds: float) -> Iterator[House]:
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
            yield House(serve(servers), admin, seconds)


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
    parser.add_argument("--quick", action="store_true", help="20,000 generations, few rounds")
    parser.add_argument("--generations", type=int, default=200_000)
    parser.add_argument("--seconds", type=float, default=0.4, help="for each page, at each size")
    given = parser.parse_args()
    large, seconds = (20_000, 0.1) if given.quick else (given.generations, given.seconds)
    with house(seconds) as house_:
        raise SystemExit(run(house_, large))


def run(house_: House, large: int) -> int:
    """Both sizes, the file, the verdict."""
    from bench.stand.furnish import furnish

    furnish(house_.admin, "small", SMALL)
    before = {row.name: row.large for row in shown(house_.walk("small", {}))}
    began = time.monotonic()
    furnish(house_.admin, "large", large)
    print(f"\n{large:,} generations in {time.monotonic() - began:.0f} s.\n")
    rows = shown(house_.walk("large", before))
    lines, took, at_first, most = house_.file()
    print(f"\nThe file of {lines:,} rows took {took:.0f} s; the server had {at_first} MB, at most {most} MB.")
    return told(rows, most - at_first)


if __name__ == "__main__":
    main()
