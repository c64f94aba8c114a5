"""F29, X11: one team's flood does not keep another team waiting."""

from __future__ import annotations

from uuid import UUID

import pytest

from bench import fairness
from tests.faults.backlog import queue_up
from tests.faults.ground import Customer, Ground
from tests.faults.proof import prove, prove_calls
from tests.house import Program

SLOTS, RUNS = 4, 10
FLOOD = [2000, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(300)])]


@pytest.fixture(scope="module")
def web(ground: Ground) -> Program:
    """Two clusters with two slots each, on production clocks where they matter here."""
    ground.environ |= {"EASEL_CONCURRENCY": str(SLOTS // 2), "EASEL_SLICE_SECONDS": "60"}
    return ground.started(clusters=2)


@pytest.fixture(scope="module")
def crowd(ground: Ground, web: Program) -> UUID:
    """A generation of the team that floods the queue."""
    made = Customer.with_credit().submit(web, "the first of many")
    ground.until(lambda: ground.state(made) == "succeeded")
    return made


@pytest.mark.parametrize("backlog", FLOOD)
def test_another_teams_job_starts_within_five_seconds_of_a_flood(
    ground: Ground, web: Program, crowd: UUID, backlog: int
) -> None:
    queue_up(ground.connection, crowd, [f"stub:slow=1 flood {number}" for number in range(backlog)])
    ground.until(lambda: ground.google.calls.in_flight == SLOTS)
    lone = Customer.with_credit(10)
    waits = fairness.lone_waits(ground.connection, lambda: lone.submit(web, "stub:slow=1 lone"), 5)
    assert max(waits) <= 5
    assert fairness.waiting(ground.connection) > backlog / 2
    ground.cancel_live()
    prove(ground)


def test_the_published_bound_holds(ground: Ground, web: Program, crowd: UUID) -> None:
    queue_up(ground.connection, crowd, [f"stub:slow=1 crowd {number}" for number in range(1000)])
    ground.until(lambda: ground.google.calls.in_flight == SLOTS)
    lone = Customer.with_credit()
    numbers = iter(range(RUNS))
    waits = fairness.lone_waits(
        ground.connection, lambda: lone.submit(web, f"stub:slow=1 alone {next(numbers)}"), RUNS
    )
    assert fairness.waiting(ground.connection) > 0
    limit = fairness.bound(fairness.longest_service(ground.connection), 1, SLOTS)
    assert [wait for wait in waits if wait > limit] == []
    ground.cancel_live()
    prove(ground)
    prove_calls(ground)
