"""Whose turn it is: how long a lone job of an idle team waits behind another team's thousand.

The published bound: with W slots, N other busy teams of equal weight and jobs of s seconds, it starts
within s * ceil((N + 1) / W) plus one tick of the dispatcher. Waits are read from the database.
"""

from __future__ import annotations

import argparse
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from uuid import UUID

import httpx2
import psycopg

from bench.stand.rig import ROOT, Rig, rig, show
from tests.faults.backlog import queue_up
from tests.house import Program, wait_until

TICK = 0.25
"""Seconds between two looks at the queue of a process without a free slot."""
CLUSTERS = 2
MODEL = "gemini-2.5-flash-image"


def bound(service: float, others: int, slots: int) -> float:
    """Seconds after which a lone job has started, with `others` busy teams and jobs of `service` seconds."""
    return service * math.ceil((others + 1) / slots) + TICK


def lone_waits(admin: psycopg.Connection, ask: Callable[[], UUID], runs: int) -> list[float]:
    """Let an idle team ask for one image, `runs` times; the seconds until each was started."""
    return [_wait(admin, ask()) for _ in range(runs)]


def longest_service(admin: psycopg.Connection) -> float:
    """What a job really took, its storing and settling included: the longest of all so far."""
    sql = "SELECT extract(epoch FROM max(finished_at - started_at)) FROM generations_attempt"
    return float(_one(admin, sql))


def waiting(admin: psycopg.Connection) -> int:
    """How many generations wait in the queue."""
    return int(_one(admin, "SELECT count(*) FROM generations_generation WHERE state = 'queued'"))


def until_done(admin: psycopg.Connection, generation: UUID, seconds: float = 60) -> None:
    """Wait until a generation is final."""
    sql = "SELECT finished_at FROM generations_generation WHERE id = %s"
    wait_until(lambda: _one(admin, sql, generation), seconds=seconds, pause=0.02)


def _wait(admin: psycopg.Connection, generation: UUID) -> float:
    until_done(admin, generation)  # the team is idle again before it asks the next time
    sql = "SELECT extract(epoch FROM started_at - created_at) FROM generations_generation WHERE id = %s"
    return float(_one(admin, sql, generation))


def _one(admin: psycopg.Connection, sql: str, *values: object) -> float:
    row = admin.execute(sql, values).fetchone()
    assert row is not None
    found: float = row[0]
    return found


# ---- as a benchmark --------------------------------------------------------------------------


def ask(url: str, key: str) -> UUID:
    """Order one image at the evolink door."""
    body, headers = {"model": MODEL, "prompt": "one of them"}, {"Authorization": f"Bearer {key}"}
    answer = httpx2.post(f"{url}/evolink/v1/images/generations", json=body, headers=headers)
    return UUID(answer.raise_for_status().headers["x-easel-generation"])


def measure(stand: Rig, slots: int, seconds: float, backlog: int, runs: int) -> dict[str, object]:
    """One row of the table."""
    upstream = {"EASEL_GEMINI_API_KEY": "bench", "EASEL_GEMINI_BASE_URL": stand.upstream(1024, seconds)}
    web = stand.servers.web(**upstream)
    _start_clusters(stand, {**upstream, "EASEL_CONCURRENCY": str(slots // CLUSTERS)})
    lone = _lone_team()
    with stand.database() as admin:
        pattern = ask(web.url, stand.key)
        until_done(admin, pattern)
        queue_up(admin, pattern, [f"one of many {number}" for number in range(backlog)])
        time.sleep(2 * seconds)  # until every slot is taken
        waits = lone_waits(admin, lambda: ask(web.url, lone), runs)
        if not waiting(admin):
            raise SystemExit("The backlog was not long enough for so many runs: no number from this run.")
        return _row(slots, longest_service(admin), backlog, waits)


def _row(slots: int, service: float, backlog: int, waits: Sequence[float]) -> dict[str, object]:
    limit = bound(service, 1, slots)
    return {
        "slots": slots,
        "backlog": backlog,
        "runs": len(waits),
        "service_s": round(service, 2),
        "bound_s": round(limit, 2),
        "wait_p50_s": round(statistics.median(waits), 2),
        "wait_max_s": round(max(waits), 2),
        "held": sum(wait <= limit for wait in waits),
    }


def _start_clusters(stand: Rig, environ: dict[str, str]) -> list[Program]:
    stand.servers.janitor(**environ)
    names = [f"easel-{number}" for number in range(1, CLUSTERS + 1)]
    command = [sys.executable, "manage.py", "cluster", "--name"]
    started = [
        stand.servers.start(name, [*command, name], stand.servers.environ(**environ)) for name in names
    ]
    sql = "SELECT count(DISTINCT cluster) FROM generations_beat WHERE kind = 'canary'"
    with stand.database() as admin:
        wait_until(lambda: _one(admin, sql) == CLUSTERS, started[0], 60)
    return started


def _lone_team() -> str:
    """The key of another team with credit."""
    _manage("create_organization", "lone", "--owner", "lone@example.test")
    _manage("grant", "--org", "lone", "--usd", "1000", "--reason", "benchmark")
    return _manage("create_key", "--org", "lone", "--mode", "live").split()[-1]


def _manage(*command: str) -> str:
    return subprocess.run(
        [sys.executable, "manage.py", *command], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a tenth of the runs")
    parser.add_argument("--slots", type=int, default=4, help="over both clusters")
    parser.add_argument("--seconds", type=float, default=1.0, help="what a job takes upstream")
    parser.add_argument("--backlog", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=50)
    told = parser.parse_args()
    runs = told.runs // 10 if told.quick else told.runs
    with rig() as stand:
        row = measure(stand, told.slots, told.seconds, told.backlog, runs)
    show("fairness", [row])
    if row["held"] != runs:
        raise SystemExit(f"The bound held in {row['held']} of {runs} runs only.")


if __name__ == "__main__":
    main()
