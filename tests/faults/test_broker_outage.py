"""F11: with Redis as the broker, Redis dies, stays away and comes back empty; nothing but time is lost.

The broker is a real Redis of the test's own, on a loopback port.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator

import httpx2
import pytest

from tests.faults.ground import Customer, Ground
from tests.faults.proof import prove, prove_calls
from tests.house import Program
from tests.upstreams.redis import PROGRAM, Redis

AWAY = 20.0
AGAIN = 30.0
"""Seconds in which a cluster pulls again: django-q2 waits ten before it tries a broker anew."""
SENDS = 15


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    if shutil.which(PROGRAM) is None:
        pytest.skip("There is no redis-server on this machine: install it to try Redis as the broker.")
    with Redis.running(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture(scope="module")
def web(ground: Ground, redis: Redis) -> Program:
    ground.environ["EASEL_BROKER"] = redis.url
    return ground.started(clusters=1)


@pytest.fixture(scope="module")
def customer(web: Program) -> Customer:
    return Customer.with_credit()


def test_with_redis_as_the_broker_work_is_done(ground: Ground, web: Program, customer: Customer) -> None:
    made = customer.submit(web, "by Redis")
    ground.until(lambda: ground.state(made) == "succeeded")
    assert ground.one("SELECT count(*) FROM django_q_ormq") == 0, "no wake-up went by PostgreSQL"


@pytest.mark.timeout(180)
def test_redis_that_dies_and_comes_back_empty_costs_time_and_nothing_else(
    ground: Ground, web: Program, customer: Customer, redis: Redis, turn: int
) -> None:
    busy = f"stub:slow=4 under way {turn}"
    running = customer.submit(web, busy)
    ground.until(lambda: ground.calls(busy) == 1)
    with redis.away():
        began = time.monotonic()
        answers = [customer.post(web, f"while it is away {turn} {number}") for number in range(SENDS)]
        took = time.monotonic() - began
        assert [answer.status_code for answer in answers] == [200] * SENDS
        assert took < SENDS, "nobody waits for a broker that is not there"
        assert customer.draw(web, f"who waits {turn}").status_code == 200, "synchronous runs need no broker"
        assert httpx2.get(f"{web.url}/readyz", timeout=10).status_code == 200
        ground.until(lambda: ground.state(running) == "succeeded")
        time.sleep(max(0.0, AWAY - (time.monotonic() - began)))
        assert not [program.name for program in ground.servers.programs if program.ended]
    ground.until(lambda: ground.live() == 0, AGAIN)
    assert {ground.attempts(running)[-1]} == {"succeeded"}
    for number in range(SENDS):
        assert ground.calls(f"while it is away {turn} {number}") == 1
    prove(ground)
    prove_calls(ground)
