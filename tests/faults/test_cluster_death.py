"""F02, F03: an idle worker dies with the queue's lock; head, sentinel or supervisor of a cluster die."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil
import pytest

from tests.faults.ground import AGAIN, Customer, Family, Ground, alive, kill
from tests.faults.proof import prove, prove_calls
from tests.house import Program

WORKERS = 3
START = 15.0
"""Seconds that a cluster may take to stand again after it was killed."""
ORPHANS = 15.0


@dataclass(frozen=True)
class Watched:
    """How long a supervisor waits for a beat, and how long all workers are kept busy."""

    silence: float
    busy: float
    clocks: dict[str, str]


SHORT = Watched(15, 45, {"EASEL_SILENCE_SECONDS": "15"})
FULL = Watched(
    45,
    180,
    {
        "EASEL_SILENCE_SECONDS": "45",
        "EASEL_BEAT_SECONDS": "5",
        "EASEL_SLICE_SECONDS": "60",
        "EASEL_ATTEMPT_SECONDS": "90",
        "EASEL_LEASE_SECONDS": "30",
        "EASEL_RENEW_SECONDS": "10",
    },
)
LONG = [pytest.mark.slow, pytest.mark.timeout(300)]
VARIANTS = [pytest.param(SHORT, id="short"), pytest.param(FULL, id="production", marks=LONG)]


@pytest.fixture(scope="module")
def web(ground: Ground) -> Program:
    return ground.started(clusters=0)


@pytest.fixture(scope="module")
def customer(web: Program) -> Customer:
    return Customer.with_credit()


def fresh(ground: Ground, **environ: str) -> tuple[Program, Family]:
    """A cluster that was never harmed, in the place of the one before, all of it idle."""
    ground.end(*(program for program in ground.servers.programs if program.name == "easel-1"))
    program = ground.cluster("easel-1", **environ)
    ground.until(lambda: not ground.beats("easel-1", "drain"))
    found = Family.of(program)
    assert found
    return program, found


def lock_holder(ground: Ground, family: Family) -> psutil.Process:
    """The idle worker with the queue's lock, found just after a canary, so that none comes meanwhile."""
    sql = "SELECT max(at) FROM generations_beat WHERE cluster = 'easel-1' AND kind = 'canary'"
    before = ground.one(sql)
    ground.until(lambda: ground.one(sql) != before)
    ground.until(lambda: family.lock_holder(WORKERS) is not None)
    found = family.lock_holder(WORKERS)
    assert found
    return found


def served(ground: Ground, customer: Customer, web: Program, prompt: str, seconds: float) -> float:
    """The seconds until eight orders are done."""
    made = [customer.submit(web, f"{prompt} {number}") for number in range(8)]
    return ground.until(lambda: all(ground.state(one) == "succeeded" for one in made), seconds)


def test_a_cluster_whose_idle_worker_died_with_the_queues_lock_serves_again(
    ground: Ground, web: Program, customer: Customer, trial: int
) -> None:
    serves_again(ground, web, customer, SHORT)


@pytest.mark.slow
def test_it_serves_again_within_a_minute_on_production_clocks(
    ground: Ground, web: Program, customer: Customer, turn: int
) -> None:
    serves_again(ground, web, customer, FULL)


def serves_again(ground: Ground, web: Program, customer: Customer, watched: Watched) -> None:
    """Kill the idle worker that holds the lock of the queue, and wait for work to be done."""
    program, family = fresh(ground, **watched.clocks)
    kill(lock_holder(ground, family).pid)
    served(ground, customer, web, "after a silent death", watched.silence + START)
    after = Family.of(program)
    assert after
    assert after.head.pid != family.head.pid, "it hung, and was started again"
    prove(ground)


@pytest.mark.parametrize("watched", VARIANTS)
def test_a_cluster_with_all_its_workers_busy_is_left_alone(
    ground: Ground, web: Program, customer: Customer, watched: Watched
) -> None:
    program, family = fresh(ground, EASEL_CONCURRENCY="2", **watched.clocks)
    until, number = time.monotonic() + watched.busy, 0
    while time.monotonic() < until:
        if ground.live() < 6:
            customer.submit(web, f"stub:hang busy {number}")
            number += 1
        time.sleep(0.2)
    after = Family.of(program)
    assert after
    assert [p.pid for p in after.all()] == [p.pid for p in family.all()]
    assert "no sign of life" not in program.output()
    ground.end(program)
    ground.cancel_live()
    prove(ground)


def head(program: Program, family: Family) -> None:
    kill(family.head.pid)


def sentinel(program: Program, family: Family) -> None:
    kill(family.sentinel.pid)


def group(program: Program, family: Family) -> None:
    os.killpg(os.getpgid(family.head.pid), signal.SIGKILL)


def supervisor(program: Program, family: Family) -> None:
    kill(program.pid)


@pytest.mark.parametrize("victim", [head, sentinel, group, supervisor])
def test_a_killed_cluster_leaves_no_orphan_and_its_work_goes_on(
    ground: Ground,
    web: Program,
    customer: Customer,
    victim: Callable[[Program, Family], None],
    turn: int,
) -> None:
    program, family = fresh(ground)
    prompts = [f"stub:slow=2 {victim.__name__} dies {turn} {number}" for number in range(4)]
    made = [customer.submit(web, prompt) for prompt in prompts]
    ground.until(lambda: all(map(ground.calls, prompts)))
    victim(program, family)
    gone = ground.until(lambda: not any(map(alive, family.all())), ORPHANS)
    if victim is supervisor:
        program = ground.cluster("easel-1")  # as systemd would
    ground.until(lambda: all(ground.state(one) == "succeeded" for one in made), AGAIN + START - gone)
    assert all(ground.calls(prompt) == 2 for prompt in prompts)
    assert psutil.pid_exists(program.pid)
    prove(ground)
    prove_calls(ground)
