"""The asynchronous path: submits and polls per second, and how one worker drains a backlog."""

from __future__ import annotations

import argparse
import time
from typing import Any

from bench.stand.rig import Rig, cpu, database_cpu, memory, pin, rig, show
from tests.house import Program, wait_until

BODY: dict[str, object] = {"model": "gemini-2.5-flash-image", "prompt": "a cat", "size": "1:1"}
SMALL, BIG = 1024, 1_500_000


def submits(stand: Rig, callers: int, requests: int) -> dict[str, Any]:
    """Submits alone: nobody drains meanwhile."""
    program = stand.servers.web(EASEL_LANE_CAP="5000")
    pin(program)
    before = cpu(program)
    try:
        result = stand.load(f"{program.url}/evolink/v1/images/generations", BODY, callers, requests)
        spent = (cpu(program) - before) * 1000 / requests
    finally:
        program.kill()
    _cancel_all(stand)
    return {"case": f"submit, {callers} callers", **result, "web_cpu_ms": round(spent, 2)}


def drained(stand: Rig, name: str, size: int, hold: float, jobs: int, in_flight: int) -> dict[str, Any]:
    """A backlog of `jobs`, drained by one cluster with `in_flight` slots in its one worker process."""
    environ = {
        "EASEL_GEMINI_API_KEY": "bench",
        "EASEL_GEMINI_BASE_URL": stand.upstream(size, hold),
        "EASEL_CONCURRENCY": str(in_flight),
        "EASEL_LANE_CAP": "5000",
    }
    web = stand.servers.web(**environ)
    stand.load(f"{web.url}/evolink/v1/images/generations", BODY, 8, jobs)
    web.kill()
    began = _final(stand)
    worker = stand.servers.cluster(EASEL_WORKERS="2", **environ)
    janitor = stand.servers.janitor()
    peak, database_before = 0, database_cpu(stand.database_pid)
    wait_until(lambda: _started(stand) is not None, worker, 60)
    pin(worker)
    until = time.monotonic() + 300
    while _final(stand) - began < jobs:
        peak = max(peak, memory(worker))
        if time.monotonic() > until:
            raise SystemExit("the backlog was not drained within 300 s: no number from this run.")
        time.sleep(0.1)
    seconds = _span(stand, jobs)
    row = {
        "case": name,
        "jobs": jobs,
        "in_flight": in_flight,
        "seconds": round(seconds, 2),
        "jobs_per_second": round(jobs / seconds, 1),
        "worker_cpu_ms": round(cpu(worker) * 1000 / jobs, 2),
        "pg_cpu_ms": round((database_cpu(stand.database_pid) - database_before) * 1000 / jobs, 2),
        "peak_mb": peak,
    }
    for program in (worker, janitor):
        program.kill()
    return row


def _one(stand: Rig, sql: str, *values: object) -> Any:
    with stand.database() as connection:
        row = connection.execute(sql, values).fetchone()
    return row[0] if row else None


def _final(stand: Rig) -> int:
    return int(_one(stand, "SELECT count(*) FROM generations_generation WHERE state = 'succeeded'"))


def _started(stand: Rig) -> Any:
    return _one(stand, "SELECT min(started_at) FROM generations_generation WHERE state = 'running'")


def _span(stand: Rig, jobs: int) -> float:
    """From the first start of the last `jobs` to the last end."""
    return float(
        _one(
            stand,
            "SELECT extract(epoch FROM max(finished_at) - min(started_at)) FROM"
            " (SELECT * FROM generations_generation WHERE state = 'succeeded'"
            " ORDER BY finished_at DESC LIMIT %s) g",
            jobs,
        )
    )


def _cancel_all(stand: Rig) -> None:
    """Empty the queue by way of the product: past their deadline, the janitor ends them."""
    with stand.database() as connection:
        connection.execute("UPDATE generations_generation SET deadline_at = now() WHERE state = 'queued'")
    janitor: Program = stand.servers.janitor(EASEL_REAP_SECONDS="1")
    wait_until(
        lambda: _one(stand, "SELECT count(*) FROM generations_generation WHERE state = 'queued'") == 0,
        janitor,
        120,
    )
    janitor.kill()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    parser.add_argument("--only", default="", help="run only the cases whose name contains this")
    told = parser.parse_args()
    share = 10 if told.quick else 1
    backlogs = [
        ("drained, small, at once", SMALL, 0.0, 2000 // share, 200),
        ("drained, 1.5 MB, at once", BIG, 0.0, 600 // share, 50),
        ("drained, small, 5 s each", SMALL, 5.0, 1000 // share, 500),
    ]
    with rig() as stand:
        first = [submits(stand, 16, 4000 // share)] if told.only in "submit" else []
        rows = [drained(stand, *case) for case in backlogs if told.only in case[0]]
    if first:
        show("asynchronous submits", first)
    if rows:
        show("backlogs, one worker process", rows)


if __name__ == "__main__":
    main()
