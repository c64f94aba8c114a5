"""OP7: SIGTERM loses nothing: what was called is finished, what was not goes back, all within the limit."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from uuid import UUID

import httpx2
import pytest

from generations.crew import Crew
from generations.drain import Drain
from tests.faults.backlog import queue_up
from tests.faults.ground import CLOCKS, Customer, Ground
from tests.faults.proof import prove, prove_calls
from tests.house import Program

LIMIT = float(CLOCKS["EASEL_STOP_SECONDS"])
JOBS = 20


@pytest.fixture(scope="module")
def web(ground: Ground) -> Program:
    return ground.started(clusters=0)


@pytest.fixture(scope="module")
def customer(web: Program) -> Customer:
    return Customer.with_credit()


def test_a_cluster_told_to_stop_finishes_what_it_called_and_leaves_the_rest(
    ground: Ground, web: Program, customer: Customer, trial: int
) -> None:
    cluster = ground.cluster(EASEL_CONCURRENCY="4")
    prompts = [f"stub:slow=2 a deploy {trial} {number}" for number in range(JOBS)]
    made = [customer.submit(web, prompt) for prompt in prompts]
    ground.until(lambda: sum(map(ground.calls, prompts)) >= 6)

    began = time.monotonic()
    assert cluster.stop(LIMIT) == 0
    assert time.monotonic() - began < LIMIT
    called = [one for one, prompt in zip(made, prompts, strict=True) if ground.calls(prompt)]
    assert [ground.state(one) for one in called] == ["succeeded"] * len(called)
    assert {ground.state(one) for one in made if one not in called} == {"queued"}
    assert not ground.rows("SELECT 1 FROM generations_attempt WHERE outcome IN ('', 'lost')")

    after = ground.cluster(EASEL_CONCURRENCY="20")
    ground.until(lambda: ground.live() == 0)
    assert [ground.calls(prompt) for prompt in prompts] == [1] * JOBS
    after.stop(LIMIT)
    prove(ground)
    prove_calls(ground)


def test_what_is_claimed_while_the_order_to_stop_arrives_goes_back_with_its_try(
    ground: Ground, web: Program, customer: Customer
) -> None:
    cluster = ground.cluster()
    pattern = customer.submit(web, "a pattern")
    ground.until(lambda: ground.state(pattern) == "succeeded")
    cluster.stop(LIMIT)
    made = queue_up(ground.connection, pattern, [f"not yet {number}" for number in range(5)])

    async def told_meanwhile() -> int:
        drain = Drain("easel-1", "here:1:test", 5, draining=True)
        return await drain._claim(Crew(drain.owner, drain.size))

    assert asyncio.run(told_meanwhile()) == 0
    assert [(ground.state(one), ground.attempts(one)) for one in made] == [("queued", ["handed_back"])] * 5
    assert ground.one("SELECT min(tries_left) FROM generations_generation WHERE state = 'queued'") == 3
    ground.cancel_live()
    prove(ground)


def test_a_web_server_told_to_stop_answers_who_waits(
    ground: Ground, web: Program, customer: Customer, trial: int
) -> None:
    server = ground.web()
    prompt = f"stub:slow=3 waiting through a deploy {trial}"
    answers: list[httpx2.Response] = []
    waiting = threading.Thread(target=lambda: answers.append(customer.draw(server, prompt)))
    waiting.start()
    ground.until(lambda: ground.calls(prompt) == 1)
    assert server.stop(LIMIT) == -signal.SIGTERM, "uvicorn ends by the signal, after all is done"
    waiting.join()
    assert [answer.status_code for answer in answers] == [200]
    made = UUID(answers[0].headers["x-easel-generation"])
    assert ground.attempts(made) == ["succeeded"]
    with pytest.raises(httpx2.ConnectError):
        customer.draw(server, "too late")
    prove(ground)
