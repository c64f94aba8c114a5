"""F01, F04, F05: a worker is killed in the middle of a call, sleeps through its lease, or meets poison."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest

from runtime import storage
from tests.faults.ground import AGAIN, LEASE, REAP, Customer, Ground, kill
from tests.faults.proof import prove, prove_calls
from tests.house import Program


@pytest.fixture(scope="module")
def web(ground: Ground) -> Program:
    return ground.started(clusters=2)


@pytest.fixture(scope="module")
def customer(web: Program) -> Customer:
    return Customer.with_credit()


def test_a_killed_workers_call_runs_again_in_time_and_is_charged_once(
    ground: Ground, web: Program, customer: Customer, trial: int
) -> None:
    prompt = f"stub:slow=1.5 its worker dies {trial}"
    made = customer.submit(web, prompt)
    ground.until(lambda: ground.calls(prompt) == 1)
    kill(ground.worker_of(made))
    assert ground.until(lambda: ground.calls(prompt) == 2) <= AGAIN
    ground.until(lambda: ground.state(made) == "succeeded")
    assert ground.attempts(made) == ["lost", "succeeded"]
    assert ground.entries(made) == ["hold", "settle"]
    assert ground.calls(prompt) == 2
    prove(ground)
    prove_calls(ground)


def test_everything_a_killed_worker_had_in_hand_runs_again(
    ground: Ground, web: Program, customer: Customer, turn: int
) -> None:
    prompts = [f"stub:slow=3 one of ten {turn} {number}" for number in range(10)]
    made = [customer.submit(web, prompt) for prompt in prompts]
    ground.until(lambda: all(map(ground.calls, prompts)))
    kill(ground.worker_of(made[0]))
    ground.until(lambda: ground.live() == 0)
    assert [ground.entries(one) for one in made] == [["hold", "settle"]] * 10
    lost = sum(ground.attempts(one).count("lost") for one in made)
    assert 1 <= lost <= 10
    assert sum(map(ground.calls, prompts)) == 10 + lost
    prove(ground)
    prove_calls(ground)


@contextmanager
def asleep(pid: int) -> Iterator[None]:
    """For the length of the block the process gets no time."""
    kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        kill(pid, signal.SIGCONT)


def stored(generation: UUID) -> set[str]:
    return {item.key for item in storage.default().list("live/") if str(generation) in item.key}


def referred(ground: Ground, generation: UUID) -> set[str]:
    sql = "SELECT storage_key FROM generations_output WHERE generation_id = %s"
    return {key for (key,) in ground.rows(sql, generation)}


def test_a_worker_that_slept_through_its_lease_comes_second(
    ground: Ground, web: Program, customer: Customer, trial: int
) -> None:
    prompt = f"its worker sleeps too long {trial}"
    ground.google.program("stub:slow=1", prompt=prompt)
    made = customer.submit(web, prompt)
    ground.until(lambda: ground.calls(prompt) == 1)
    with asleep(ground.worker_of(made)):
        ground.until(lambda: ground.state(made) == "succeeded")
    ground.until(lambda: ground.attempts(made) == ["superseded", "succeeded"])
    assert ground.entries(made) == ["hold", "settle"]
    assert len(stored(made)) == 2, "the loser's image is an orphan"
    assert len(referred(ground, made)) == 1
    prove(ground)
    prove_calls(ground)


def test_a_late_answer_counts_if_it_is_the_first_valid_one(
    ground: Ground, web: Program, customer: Customer, trial: int
) -> None:
    prompt = f"its worker wakes up just in time {trial}"
    ground.google.program("stub:slow=1", prompt=prompt)
    ground.google.program("stub:slow=4", prompt=prompt)
    made = customer.submit(web, prompt)
    ground.until(lambda: ground.calls(prompt) == 1)
    with asleep(ground.worker_of(made)):
        ground.until(lambda: ground.calls(prompt) == 2)
    ground.until(lambda: ground.state(made) == "succeeded")
    ground.until(lambda: ground.attempts(made) == ["succeeded", "superseded"])
    assert ground.entries(made) == ["hold", "settle"]
    assert referred(ground, made) < stored(made)
    prove(ground)
    prove_calls(ground)


def test_a_lease_that_is_renewed_is_not_taken_back(ground: Ground, web: Program, customer: Customer) -> None:
    prompt = f"stub:slow={2 * (LEASE + REAP)} longer than two leases"
    made = customer.submit(web, prompt)
    ground.until(lambda: ground.state(made) == "succeeded")
    assert ground.attempts(made) == ["succeeded"]
    assert ground.calls(prompt) == 1


@contextmanager
def killed_at_each_call(ground: Ground, poison: UUID, prompt: str) -> Iterator[list[int]]:
    """Whoever asks the upstream for this prompt dies. Gives the list of the dead."""
    dead: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            if ground.calls(prompt) > len(dead):
                pid = ground.worker_of(poison)
                kill(pid)
                dead.append(pid)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield dead
    finally:
        over.set()
        watcher.join()


def test_poison_is_given_up_after_three_starts_and_hurts_nobody_else(
    ground: Ground, web: Program, customer: Customer, trial: int
) -> None:
    prompt = f"stub:slow=5 poison {trial}"
    others = [customer.submit(web, f"stub:slow=2 in the same boat {trial} {number}") for number in range(6)]
    poison = customer.submit(web, prompt)
    with killed_at_each_call(ground, poison, prompt) as dead:
        ground.until(lambda: ground.state(poison) == "failed", 60)
        began = time.monotonic()
        later = customer.submit(web, f"after the poison {trial}")
        ground.until(lambda: ground.state(later) == "succeeded")
        assert time.monotonic() - began < AGAIN
    assert len(dead) == 3
    assert ground.calls(prompt) == 3
    sql = "SELECT kind FROM generations_generation WHERE id = %s"
    assert ground.one(sql, poison) == "worker_lost"
    assert ground.entries(poison) == ["hold", "release"]
    ground.until(lambda: ground.live() == 0, 60)
    assert [ground.state(one) for one in others] == ["succeeded"] * 6
    prove(ground)
    prove_calls(ground)
