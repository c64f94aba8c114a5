"""Somebody who opens pages, and what they took."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2

if TYPE_CHECKING:
    from bench.stand.walk import Page

MOST = 20
"""Times that a page is asked for at most."""
HEADER = "x-queries"


@dataclass(frozen=True)
class Seen:
    """What a page took: milliseconds until its first byte, each time; processor milliseconds of web server
    and database together, in the mean; queries."""

    times: tuple[float, ...]
    cpu: float
    queries: int

    @property
    def median(self) -> float:
        return statistics.median(self.times)

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.times, n=20, method="inclusive")[-1]


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
        return str(answer.text)

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
        """Django only asks that the cookie and the header say the same."""
        if "csrf" not in self.http.cookies:
            self.http.cookies.set("csrf", "b" * 32)
        return {"X-CSRFToken": self.http.cookies["csrf"]}


def measure(
    visitor: Visitor, page: Page, fewest: int, seconds: float, spent: Callable[[], float]
) -> Seen | None:
    """Ask so many times at least, and for so many seconds; `spent` tells the processor seconds so far. None
    for what is no page (it takes no GET, or leads elsewhere). Raises SystemExit for an answer that no page
    gives."""
    status, _, _ = visitor.ask(page)
    if status in (302, 405) and not page.form:
        return None
    if status not in (200, 302):
        raise SystemExit(f"{page.path} answered {status}: no number from this run.")
    times: list[float] = []
    queries = 0
    before, until = spent(), time.monotonic() + seconds
    while len(times) < fewest or (len(times) < MOST and time.monotonic() < until):
        _, queries, took = visitor.ask(page)
        times.append(took)
    return Seen(tuple(times), (spent() - before) * 1000 / len(times), queries)
