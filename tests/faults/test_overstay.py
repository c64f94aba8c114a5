"""django-q2 ends a task that overstays its time by an exception out of nowhere: in the middle of our
event loop."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from tests.faults.backlog import queue_up
from tests.faults.ground import Customer, Ground
from tests.faults.proof import prove, prove_calls
from tests.house import ROOT, Program

OVERSTAYS = """
import django
django.setup()
from django_q.timeout import TimeoutHandler
from generations import tasks
with TimeoutHandler(3):
    tasks.drain()
"""


def test_a_wake_up_that_overstays_its_time_ends_and_its_work_runs_again(ground: Ground) -> None:
    web = ground.started(clusters=1)
    customer = Customer.with_credit()
    pattern = customer.submit(web, "a pattern")
    ground.until(lambda: ground.state(pattern) == "succeeded")
    ground.end(*(program for program in ground.servers.programs if program.name == "easel-1"))

    ground.google.program("stub:slow=60", prompt="overstays")
    (made,) = queue_up(ground.connection, pattern, ["overstays"])
    settings = ground.servers.environ(**ground.settings(EASEL_CLUSTER="easel-2"))
    settings["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "platform")])
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", OVERSTAYS], cwd=ROOT, env=settings, capture_output=True, text=True, check=False
    )
    assert time.monotonic() - began < 30
    assert done.returncode != 0
    assert "exceeded maximum timeout" in done.stderr
    assert ground.calls("overstays") == 1

    ground.cluster("easel-1")
    ground.until(lambda: ground.state(made) == "succeeded")
    assert ground.attempts(made) == ["lost", "succeeded"]
    prove(ground)
    prove_calls(ground)


CONNECTIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = 'easel' AND backend_type = 'client backend'
"""


def connections_after_a_drain(ground: Ground, customer: Customer, web: Program) -> int:
    """How many there are when a drain of its own has come for a generation, and gone."""
    made = customer.submit(web, "a drain of its own")
    ground.until(lambda: ground.state(made) == "succeeded")
    ground.until(lambda: not ground.beats("easel-1", "drain"))
    return int(ground.one(CONNECTIONS))


def test_drains_that_come_and_go_leave_no_connection_behind(ground: Ground) -> None:
    web, customer = ground.started(clusters=1), Customer.with_credit()
    seen = [connections_after_a_drain(ground, customer, web) for _ in range(5)]
    assert seen[-1] <= seen[0] + 1, seen  # one may be a canary's
