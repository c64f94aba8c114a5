"""F30: cancels at random times in the life of real generations, over HTTP: each ends in exactly one
final state, whoever was told 200 has it cancelled and pays nothing, whoever came too late is told 409.
"""

from __future__ import annotations

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psycopg
import pytest

from tests.cast import IMAGE, Cast
from tests.flows.wire import Door
from tests.house import Servers, wait_until
from tests.law.invariants import broken

MANY = 60 * int(os.environ.get("EASEL_TRIALS") or 3)
EVOLINK = Door("evolink", "/evolink")
FINAL = "state NOT IN ('queued', 'running')"


@dataclass(frozen=True)
class Told:
    """What a client was answered when it cancelled the task of a prompt."""

    prompt: str
    status: int


class Life:
    """How long a generation lives here and now, learnt from how the cancels before ended: so that as
    many come too late as in time, on any machine."""

    def __init__(self) -> None:
        self.seconds = 1.0
        self._chance = random.Random(30)

    def moment(self) -> float:
        return self.seconds * self._chance.uniform(0, 1.3)

    def learn(self, status: int) -> None:
        self.seconds *= 1.2 if status == 200 else 0.8


@pytest.mark.fault
@pytest.mark.timeout(600)
def test_cancels_at_random_times_leave_one_final_state_each(
    servers: Servers, cast: Cast, superuser: psycopg.Connection
) -> None:
    url, key, organization = servers.shared().url, cast.key(), cast.organization.pk
    cast.credit(MANY)
    life = Life()

    def live(number: int) -> Told:
        prompt = f"lamp {number}"
        answer = EVOLINK.post(url, key, EVOLINK.order(prompt))
        assert answer.status_code == 200, answer.text
        task = answer.json()["id"]
        time.sleep(life.moment())
        told = Told(prompt, EVOLINK.cancel(url, key, task).status_code)
        life.learn(told.status)
        return told

    with ThreadPoolExecutor(8) as clients:
        told = list(clients.map(live, range(MANY)))

    counting = f"SELECT count(*) FROM generations_generation WHERE organization_id = %s AND {FINAL}"
    wait_until(lambda: superuser.execute(counting, (organization,)).fetchone() == (MANY,), seconds=120)
    rows = superuser.execute(
        "SELECT \"order\" ->> 'prompt', state, delivered FROM generations_generation"
        " WHERE organization_id = %s",
        (organization,),
    ).fetchall()
    ended = {prompt: (state, delivered) for prompt, state, delivered in rows}
    assert {one.status for one in told} == {200, 409}
    assert {one.prompt for one in told if one.status == 200} == {
        prompt for prompt, (state, _) in ended.items() if state == "cancelled"
    }
    assert {ended[one.prompt] for one in told if one.status == 409} <= {("succeeded", 1)}
    charged = sum(delivered for _, delivered in ended.values())
    wallet = superuser.execute(
        "SELECT posted, held FROM billing_wallet WHERE organization_id = %s AND mode = 'live'",
        (organization,),
    )
    assert wallet.fetchone() == ((MANY - charged) * IMAGE, 0)
    finals = superuser.execute(
        f"SELECT count(*) FROM generations_transition WHERE organization_id = %s AND new_{FINAL}",
        (organization,),
    )
    assert finals.fetchone() == (MANY,)
    assert broken(superuser, organization) == []
