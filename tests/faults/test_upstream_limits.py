"""F14, F16: an upstream that asks to wait is given its time; one that hangs or drips is given up."""

from __future__ import annotations

import pytest

from tests.faults.ground import CLAIM, CLOCKS, Customer, Ground
from tests.faults.proof import prove, prove_calls
from tests.house import Program

ATTEMPT = float(CLOCKS["EASEL_ATTEMPT_SECONDS"])
SPENT = """
    SELECT extract(epoch FROM finished_at - upstream_at)::float FROM generations_attempt
    WHERE generation_id = %s AND number = 1
"""


@pytest.fixture(scope="module")
def web(ground: Ground) -> Program:
    return ground.started(clusters=1)


@pytest.fixture(scope="module")
def customer(web: Program) -> Customer:
    return Customer.with_credit()


def test_retry_after_is_honoured_and_nobody_holds_the_lease_meanwhile(
    ground: Ground, web: Program, customer: Customer, trial: int
) -> None:
    seconds = (20, 5, 8)[trial % 3]
    prompt = f"patience {trial}"
    ground.google.program(
        f"stub:429={seconds}" if trial % 2 else f"stub:retry_after={seconds}", prompt=prompt
    )
    made = customer.submit(web, prompt)
    ground.until(lambda: ground.attempts(made)[:1] == ["waited"], 15)
    row = "SELECT state, lease_expires_at, tries_left, hold FROM generations_generation WHERE id = %s"
    assert ground.rows(row, made) == [("queued", None, 3, "open")]
    until = """
        SELECT extract(epoch FROM g.run_after - a.finished_at)::float FROM generations_generation g
        JOIN generations_attempt a ON a.generation_id = g.id WHERE g.id = %s AND a.number = 1
    """
    assert seconds - 0.1 <= ground.one(until, made) <= seconds + 2, "what was asked, and a little chance"

    ground.until(lambda: ground.state(made) == "succeeded", seconds + CLAIM + 10)
    between = """
        SELECT extract(epoch FROM b.upstream_at - a.finished_at)::float FROM generations_attempt a
        JOIN generations_attempt b ON b.generation_id = a.generation_id AND b.number = 2
        WHERE a.generation_id = %s AND a.number = 1
    """
    waited = ground.one(between, made)
    assert seconds <= waited <= seconds + 3, waited
    assert ground.calls(prompt) == 2
    assert ground.entries(made) == ["hold", "settle"]
    prove(ground)
    prove_calls(ground)


def test_waiting_for_longer_than_five_minutes_spends_tries(
    ground: Ground, web: Program, customer: Customer
) -> None:
    prompt = "waits for ever"
    ground.google.program("stub:429=1", prompt=prompt, times=None)
    made = customer.submit(web, prompt)
    ground.until(lambda: "waited" in ground.attempts(made), 15)
    ground.run(
        "UPDATE generations_attempt SET finished_at = finished_at - interval '6 minutes'"
        " WHERE generation_id = %s AND outcome = 'waited'",
        made,
    )
    ground.until(lambda: ground.state(made) == "failed", 40)
    outcomes = [outcome for outcome in ground.attempts(made) if outcome != "waited"]
    assert outcomes == ["retried", "retried", "failed"]
    assert ground.entries(made) == ["hold", "release"]
    prove(ground)


@pytest.mark.parametrize("word", ["hang", "drip"])
def test_an_attempt_ends_at_its_time_and_the_worker_is_free_meanwhile(
    ground: Ground, web: Program, customer: Customer, word: str, turn: int
) -> None:
    prompt = f"never comes {word} {turn}"
    ground.google.program(f"stub:{word}", prompt=prompt, times=1)
    made = customer.submit(web, prompt)
    ground.until(lambda: ground.calls(prompt) == 1)
    other = customer.submit(web, f"another {word} {turn}")
    ground.until(lambda: ground.state(other) == "succeeded", 15)
    assert ground.state(made) == "running"

    ground.until(lambda: ground.attempts(made)[:1] == ["retried"], ATTEMPT + 5)
    assert ATTEMPT - 0.5 <= ground.one(SPENT, made) <= ATTEMPT + 1.5, (
        "ninety seconds, give or take five, in tenths"
    )
    ground.until(lambda: ground.state(made) == "succeeded", 20)
    assert ground.entries(made) == ["hold", "settle"]
    prove(ground)
    prove_calls(ground)
