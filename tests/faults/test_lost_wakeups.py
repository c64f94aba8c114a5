"""F21, F22: every wake-up that waits is lost, by another SECRET_KEY or by a truncated queue; no work is."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import httpx2
import pytest

from tests.faults.ground import Customer, Ground
from tests.faults.proof import prove, prove_calls
from tests.house import Program
from tests.upstreams.gemini import pictures

MANY = 100
EXTRA = 15.0
"""Seconds that work may wait longer for the loss of its wake-up."""
WAITING = "SELECT count(*) FROM django_q_ormq"
OLD = "SELECT count(*) FROM django_q_ormq WHERE key = 'easel-1' AND id <= %s AND lock <= now()"
"""Still to be read; what the dead had taken lies there for some minutes."""
NEWEST = "SELECT coalesce(max(id), 0) FROM django_q_ormq"
WAITED = """
    SELECT extract(epoch FROM min(started_at) - to_timestamp(%s))::float FROM generations_generation
    WHERE id = ANY(%s)
"""


pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module", autouse=True)
def drawn_once() -> Iterator[None]:
    """Drawing hundreds of pictures is not the point."""
    drawn = pictures.png(1024, 1024, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "png", lambda *_, **__: drawn)
        yield


@dataclass
class Backlog:
    """A hundred accepted generations whose wake-ups nobody has read, and one that ended before."""

    customer: Customer
    ended: UUID
    queued: list[UUID]
    newest_message: int


def backlog(ground: Ground, name: str) -> Backlog:
    """Everything runs, one image is made; then all workers go, and a hundred orders come."""
    web = ground.started(clusters=1)
    customer = Customer.with_credit()
    ended = customer.submit(web, f"before {name}")
    ground.until(lambda: ground.state(ended) == "succeeded")
    ground.end(*(program for program in ground.servers.programs if program.name != "web"))
    queued = [customer.submit(web, f"{name} {number}") for number in range(MANY)]
    assert ground.one(WAITING) > 0, "they did ring"
    return Backlog(customer, ended, queued, ground.one(NEWEST))


def all_is_done(ground: Ground, found: Backlog, since: float) -> None:
    ground.until(lambda: ground.live() == 0, 60)
    assert {ground.state(one) for one in found.queued} == {"succeeded"}
    assert [ground.entries(one) for one in found.queued] == [["hold", "settle"]] * MANY
    assert ground.one(WAITED, since, found.queued) <= EXTRA
    prove(ground)
    prove_calls(ground)


def test_a_truncated_queue_delays_work_and_loses_none(ground: Ground, turn: int) -> None:
    found = backlog(ground, f"truncated {turn}")
    ground.run("TRUNCATE django_q_ormq")
    ground.started(clusters=1)
    all_is_done(ground, found, time.time())


def link_of(web: Program, customer: Customer, generation: UUID) -> str:
    """Where its customer finds the image."""
    headers = {"Authorization": f"Bearer {customer.key}"}
    answer = httpx2.get(f"{web.url}/evolink/v1/tasks/{generation}", headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    (link,) = answer.json()["results"]
    return str(link)


def test_another_secret_key_delays_work_and_loses_none(ground: Ground, turn: int) -> None:
    found = backlog(ground, f"rotated {turn}")
    old = ground.started(clusters=0)
    link = link_of(old, found.customer, found.ended)
    ground.end(*ground.servers.programs)

    ground.environ["EASEL_SECRET_KEY"] = secrets.token_urlsafe(50)
    web = ground.started(clusters=1)
    all_is_done(ground, found, time.time())
    ground.until(lambda: ground.one(OLD, found.newest_message) == 0)
    assert link_of(web, found.customer, found.ended).partition("?")[2] == link.partition("?")[2]
    kept = httpx2.get(link.replace(old.url, web.url), timeout=30)
    assert (kept.status_code, kept.headers["content-type"]) == (200, "image/png"), "links outlive the key"
    assert found.customer.draw(web, f"with the same API key {turn}").status_code == 200
