"""F08: PostgreSQL stops in the middle of everything, and comes back: after 15 seconds, after a minute."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from runtime import embedded
from tests.faults.ground import Customer, Ground, point_django_at
from tests.faults.proof import prove, prove_calls, prove_ledger
from tests.house import Program, Servers, build_template, with_database
from tests.upstreams.gemini import Upstream

SHORT, LONG = 15.0, 60.0
"""In seconds. The long one outlives every lease: then work may begin once more, before its result is in."""
PRODUCTION = {
    "EASEL_LEASE_SECONDS": "30",
    "EASEL_RENEW_SECONDS": "10",
    "EASEL_REAP_SECONDS": "5",
    "EASEL_ATTEMPT_SECONDS": "90",
    "EASEL_SLICE_SECONDS": "60",
    "EASEL_BEAT_SECONDS": "5",
    "EASEL_SILENCE_SECONDS": "45",
    "EASEL_STOP_SECONDS": "130",
}
ANSWERS, SUCCESS, BACKLOG = 3.0, 5.0, 20.0


@pytest.fixture(scope="module")
def server() -> Iterator[embedded.Embedded]:
    """A server of this file's own, which nobody else misses."""
    home = Path(tempfile.mkdtemp(prefix="easel-outage-"))
    home.chmod(0o755)
    try:
        with embedded.session(home) as running:
            build_template(running, "outage")
            yield running
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def ground(
    server: embedded.Embedded, database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    url = with_database(server.url, "outage")
    point_django_at(url)
    try:
        with Upstream.in_thread() as google, Servers(url, tmp_path_factory.mktemp("servers")) as servers:
            ground = Ground(servers, google, with_database(server.admin_url, "outage"), PRODUCTION)
            yield ground
            ground.end(*servers.programs)
            prove_ledger(ground)
    finally:
        point_django_at(database)


@pytest.fixture(scope="module")
def web(ground: Ground) -> Program:
    return ground.started(clusters=2)


@pytest.fixture(scope="module")
def customer(web: Program) -> Customer:
    return Customer.with_credit()


def refused(status: int, ask: Callable[..., httpx2.Response], *args: Any) -> None:
    """It says soon that it cannot, in its door's word for it, and when to come back."""
    began = time.monotonic()
    answer = ask(*args)
    assert answer.status_code == status, answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert time.monotonic() - began < ANSWERS


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("outage", "most_calls"), [(SHORT, 1), (LONG, 2)], ids=["15 s", "60 s"])
def test_an_outage_loses_nothing_and_calls_nobody_twice(
    ground: Ground,
    server: embedded.Embedded,
    web: Program,
    customer: Customer,
    outage: float,
    most_calls: int,
    turn: int,
) -> None:
    name, slow = f"{outage:.0f} {turn}", f"{outage + 5:.0f}"
    during = [f"stub:slow=7 answered during the outage {name} {number}" for number in range(4)]
    after = [f"stub:slow={slow} answered after the outage {name} {number}" for number in range(4)]
    running = [customer.submit(web, prompt) for prompt in (*during, *after)]
    ground.until(lambda: all(map(ground.calls, (*during, *after))))
    queued = [customer.submit(web, f"just accepted {name} {number}") for number in range(10)]

    ground.forget_connection()
    server.stop("immediate")
    try:
        down = time.monotonic()
        while time.monotonic() - down < outage - 1:
            refused(503, customer.post, web, "not now")
            refused(529, customer.draw, web, "not now either")
            time.sleep(1)
    finally:
        server.start()

    back = time.monotonic()
    while customer.post(web, f"the first success {name}").status_code != 200:
        assert time.monotonic() - back < SUCCESS
        time.sleep(0.1)
    assert time.monotonic() - back < SUCCESS
    ground.until(lambda: all(ground.state(one) == "succeeded" for one in queued), BACKLOG)
    ground.until(
        lambda: all(ground.state(one) == "succeeded" for one in running),
        BACKLOG + (most_calls - 1) * (outage + 5),
    )
    ground.until(lambda: ground.live() == 0)
    assert all(ground.calls(prompt) <= most_calls for prompt in (*during, *after)), "the results were kept"
    assert [ground.entries(one) for one in (*running, *queued)] == [["hold", "settle"]] * 18
    prove(ground)
    prove_calls(ground)


def test_no_cluster_was_killed_for_an_outage_that_it_did_not_cause(ground: Ground, web: Program) -> None:
    clusters = [program for program in ground.servers.programs if program.name.startswith("easel-")]
    assert [program.process.poll() for program in clusters] == [None, None]
    assert not any("no sign of life" in program.output() for program in clusters)
