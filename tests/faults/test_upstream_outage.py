"""F15: an upstream that is down is left alone but for one question a second, and nothing is lost."""

from __future__ import annotations

import time

import pytest

from tests.faults.ground import Customer, Ground
from tests.faults.proof import prove, prove_calls
from tests.house import Program

CROWD, DOWN_SECONDS, WATCHED = 40, 14.0, 8.0
OPEN = "SELECT count(*) FROM generations_channelmodel WHERE opened_at IS NOT NULL"


@pytest.fixture(scope="module")
def web(ground: Ground) -> Program:
    return ground.started(clusters=1)


@pytest.mark.timeout(240)
def test_the_breaker_opens_asks_once_a_second_and_closes_when_the_upstream_is_well(
    ground: Ground, web: Program, turn: int
) -> None:
    customer = Customer.with_credit()
    ground.google.program("stub:503", times=None)
    began = time.monotonic()
    made = [customer.submit(web, f"in the dark {turn} {number}") for number in range(CROWD)]
    ground.until(lambda: ground.one(OPEN) == 1, 10)

    time.sleep(1.5)  # every process knows by now, and what was under way has ended
    asked = ground.google.calls.total
    time.sleep(WATCHED)
    assert ground.google.calls.total - asked <= WATCHED + 1, "one probe a second"
    refused = customer.draw(web, f"who waits {turn}")
    assert refused.status_code in (503, 529), refused.text

    time.sleep(max(0.0, DOWN_SECONDS - (time.monotonic() - began)))
    ground.google.rules.clear()
    ground.until(lambda: ground.one(OPEN) == 0, 15)
    assert customer.draw(web, f"in the light {turn}").status_code == 200
    ground.until(lambda: not ground.live(), 30)

    states = {ground.state(generation) for generation in made}
    assert "succeeded" in states
    for generation in made:
        entries = ["hold", "settle" if ground.state(generation) == "succeeded" else "release"]
        assert ground.entries(generation) == entries
    prove(ground)
    prove_calls(ground)
