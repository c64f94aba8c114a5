"""F06, F07: a process dies at each named point, workers and web servers alike."""

from __future__ import annotations

import os
import subprocess
import sys
from uuid import UUID

import httpx2
import pytest

from tests.faults.ground import Customer, Ground
from tests.faults.proof import prove, prove_calls
from tests.house import ROOT, Program

IN_WORKERS = [
    "claim.after",
    "upstream.after",
    "storage.after_put",
    "finish.before_commit",
    "finish.after_commit",
]
OFTEN = 0.7
JOBS = 4
OF_KEY = """
    SELECT g.id FROM generations_generation g JOIN generations_idempotencyrecord r ON r.generation_id = g.id
    WHERE r.key = %s
"""


@pytest.fixture(scope="module")
def web(ground: Ground) -> Program:
    return ground.started(clusters=0)


@pytest.fixture(scope="module")
def customer(web: Program) -> Customer:
    return Customer.with_credit()


@pytest.mark.parametrize("point", IN_WORKERS)
def test_workers_that_die_here_again_and_again_lose_and_charge_nothing_wrongly(
    ground: Ground, web: Program, customer: Customer, point: str, turn: int
) -> None:
    cluster = ground.cluster("easel-1", FAILPOINTS=f"{point}:{OFTEN}", EASEL_CONCURRENCY="1")
    made = [customer.submit(web, f"{point} {turn} {number}") for number in range(JOBS)]
    ground.until(lambda: ground.live() == 0, 90)
    while f"failpoint {point}" not in cluster.output():
        made.append(customer.submit(web, f"{point} {turn} {len(made)}"))
        ground.until(lambda: ground.live() == 0)
    ground.end(cluster)
    for one in made:
        assert ground.state(one) in ("succeeded", "failed")
        assert ground.entries(one) in (["hold", "settle"], ["hold", "release"])
        assert len(ground.attempts(one)) <= 3
    prove(ground)
    prove_calls(ground)


@pytest.fixture(scope="module")
def healthy(ground: Ground, web: Program) -> Program:
    """A cluster that does not die, for what dying web servers leave."""
    return ground.cluster("easel-1")


def lost(ask: object, *args: object, **options: object) -> None:
    """Ask a server that dies before it answers."""
    assert callable(ask)
    with pytest.raises(httpx2.TransportError):
        ask(*args, **options)


@pytest.mark.parametrize("point", ["submit.before_commit", "submit.after_commit"])
def test_a_client_without_an_answer_asks_again_and_gets_one_generation(
    ground: Ground, web: Program, customer: Customer, healthy: Program, point: str, trial: int
) -> None:
    key = f"{point} {trial}"
    doomed = ground.web(FAILPOINTS=point)
    lost(customer.post, doomed, key, idempotency_key=key)
    before = ground.one(OF_KEY, key)
    assert (before is None) == (point == "submit.before_commit"), "nothing, or the whole of it"
    answer = customer.post(web, key, idempotency_key=key)
    made = UUID(answer.headers["x-easel-generation"])
    assert answer.headers.get("idempotency-replayed") == (None if before is None else "true")
    assert before in (None, made)
    ground.until(lambda: ground.state(made) == "succeeded")
    assert ground.entries(made) == ["hold", "settle"]
    assert ground.calls(key) == 1
    prove(ground)


@pytest.mark.parametrize(
    "point", ["submit.after_commit", "upstream.after", "finish.before_commit", "finish.after_commit"]
)
def test_a_waiting_client_whose_server_dies_gets_its_image_by_asking_again(
    ground: Ground, web: Program, customer: Customer, healthy: Program, point: str, turn: int
) -> None:
    key = f"waiting, {point} {turn}"
    doomed = ground.web(FAILPOINTS=point)
    lost(customer.draw, doomed, key, idempotency_key=key)
    made = ground.one(OF_KEY, key)
    answer = customer.draw(web, key, idempotency_key=key)
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"][0]["b64_json"]
    assert UUID(answer.headers["x-easel-generation"]) == made
    assert ground.entries(made) == ["hold", "settle"]
    assert ground.calls(key) <= 2, "at most one more for the death"
    prove(ground)
    prove_calls(ground)


@pytest.mark.parametrize(("env", "starts"), [("test", True), ("development", False), ("production", False)])
def test_only_a_test_may_ask_for_deaths(env: str, starts: bool) -> None:
    environ = os.environ | {"EASEL_ENV": env, "FAILPOINTS": "claim.after"}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) == starts
    assert ("FAILPOINTS kills processes" in done.stderr) != starts
