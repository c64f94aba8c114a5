"""F09, F10: PostgreSQL cuts connections at random, and takes nothing more until it is well again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID

import httpx2
import psycopg
import pytest

from tests.faults.ground import AGAIN, Customer, Ground
from tests.faults.proof import prove, prove_calls
from tests.house import Program

CUT_SECONDS, CUTS_A_SECOND = 60.0, 2
CLIENTS, PAUSE = 4, 0.1
OTHERS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
END = "SELECT pg_terminate_backend(%s)"
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
KEPT = (
    "SELECT (SELECT count(*) FROM generations_generation), (SELECT count(*) FROM billing_entry),"
    " (SELECT count(*) FROM generations_idempotencyrecord), (SELECT sum(held) FROM billing_wallet)"
)


@pytest.fixture(scope="module")
def web(ground: Ground) -> Program:
    return ground.started(clusters=2)


@pytest.fixture(scope="module")
def customer(web: Program) -> Customer:
    return Customer.with_credit()


# ---- F09: cut ----------------------------------------------------------------------------------


def cut_at_random(ground: Ground, seconds: float) -> int:
    """End two connections a second, whoever's they are; how many that were."""
    chance, ended, until = random.Random(9), 0, time.monotonic() + seconds
    with psycopg.connect(ground.admin_url, autocommit=True) as admin:
        while time.monotonic() < until:
            mine = ground.connection.info.backend_pid
            others = [pid for (pid,) in admin.execute(OTHERS).fetchall() if pid != mine]
            if others:
                admin.execute(END, (chance.choice(others),))
                ended += 1
            time.sleep(1 / CUTS_A_SECOND)
    return ended


@dataclass
class Stubborn:
    """Clients who order all the time, and who ask again under the same key when they are refused."""

    web: Program
    customer: Customer
    name: str
    made: dict[str, UUID] = field(default_factory=dict)
    refusals: list[httpx2.Response] = field(default_factory=list)
    asked: int = 0
    _numbers: Iterator[int] = field(default_factory=count)

    def order(self) -> None:
        prompt = f"{self.name} {next(self._numbers)}"
        while prompt not in self.made:
            answer = self.customer.post(self.web, prompt, idempotency_key=prompt)
            self.asked += 1
            if answer.status_code == 200:
                self.made[prompt] = UUID(answer.headers["x-easel-generation"])
            else:
                self.refusals.append(answer)
                time.sleep(PAUSE)

    def until(self, over: threading.Event) -> None:
        while not over.wait(PAUSE):
            self.order()


@pytest.mark.timeout(240)
def test_connections_that_are_cut_cost_hardly_a_submit_and_no_image(
    ground: Ground, web: Program, customer: Customer, turn: int
) -> None:
    clients, over = Stubborn(web, customer, f"cut {turn}"), threading.Event()
    deadlocks = ground.one(DEADLOCKS)
    with ThreadPoolExecutor(CLIENTS) as crowd:
        ordering = [crowd.submit(clients.until, over) for _ in range(CLIENTS)]
        try:
            ended = cut_at_random(ground, CUT_SECONDS)
        finally:
            over.set()
    for one in ordering:
        one.result()
    assert ended > CUT_SECONDS
    assert {answer.status_code for answer in clients.refusals} <= {503}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in clients.refusals)
    assert len(clients.refusals) <= clients.asked / 100, (len(clients.refusals), clients.asked)

    ground.until(lambda: ground.live() == 0, 60)
    assert {ground.state(one) for one in clients.made.values()} == {"succeeded"}
    assert len(set(clients.made.values())) == len(clients.made), "one generation for every key"
    kept = ground.one("SELECT count(*) FROM generations_idempotencyrecord WHERE key LIKE %s", f"cut {turn} %")
    assert kept == len(clients.made)
    assert ground.one(DEADLOCKS) == deadlocks
    prove(ground)
    prove_calls(ground)


# ---- F10: read-only ----------------------------------------------------------------------------


@contextmanager
def read_only(ground: Ground) -> Iterator[None]:
    """For the length of the block the database takes nothing, as one whose disk is full or that was
    made a standby."""
    set_default(ground, "on")
    try:
        yield
    finally:
        set_default(ground, "off")


def set_default(ground: Ground, value: str) -> None:
    """Of all connections: those that live are cut, the next have it from the beginning."""
    with psycopg.connect(ground.admin_url, autocommit=True) as admin:
        admin.execute("SET default_transaction_read_only = off")
        name = admin.info.dbname
        admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {value}')
        for (pid,) in admin.execute(OTHERS).fetchall():
            if pid != ground.connection.info.backend_pid:
                admin.execute(END, (pid,))


def refused(answer: httpx2.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert not any(word in answer.text.lower() for word in ("read-only", "transaction", "postgres", "sql"))


def snapshot(ground: Ground) -> Any:
    return ground.rows(KEPT)


def test_a_database_that_takes_nothing_is_told_to_the_client_and_leaves_no_half(
    ground: Ground, web: Program, customer: Customer, turn: int
) -> None:
    prompts = [f"stub:slow=2 drawn while nothing is taken {turn} {number}" for number in range(3)]
    running = [customer.submit(web, prompt) for prompt in prompts]
    ground.until(lambda: all(map(ground.calls, prompts)))
    with read_only(ground):
        before = snapshot(ground)
        until = time.monotonic() + 4
        while time.monotonic() < until:
            refused(customer.post(web, "not now", idempotency_key=f"later {turn}"), 503)
            refused(customer.draw(web, "not now either"), 529)
        assert snapshot(ground) == before, "no partial state"

    ground.until(lambda: customer.post(web, f"again {turn}", idempotency_key=f"later {turn}").is_success, 5)
    ground.until(lambda: ground.live() == 0, AGAIN + 20)
    assert [ground.entries(one) for one in running] == [["hold", "settle"]] * 3
    assert (
        ground.one("SELECT count(*) FROM generations_idempotencyrecord WHERE key = %s", f"later {turn}") == 1
    )
    assert not [program.name for program in ground.servers.programs if program.ended]
    prove(ground)
    prove_calls(ground)
