"""The synchronous door: added latency, requests per second, and a thousand calls held at once."""

from __future__ import annotations

import argparse
import threading
import time
from typing import Any

from bench.stand.rig import Rig, cpu, database_cpu, memory, pin, rig, show, threads
from tests.house import Program

BODY: dict[str, object] = {"model": "gemini-2.5-flash-image", "prompt": "a cat", "n": 1}
SMALL, BIG = 1024, 1_500_000


def web(stand: Rig, upstream: str) -> Program:
    program = stand.servers.web(
        EASEL_GEMINI_API_KEY="bench",
        EASEL_GEMINI_BASE_URL=upstream,
        EASEL_CONCURRENCY="2000",
        EASEL_LANE_CAP="5000",
    )
    pin(program)
    return program


def measure(
    stand: Rig, name: str, size: int, callers: int, requests: int, hold: float = 0.0
) -> dict[str, Any]:
    """One row of the table."""
    program = web(stand, stand.upstream(size, hold))
    url = f"{program.url}/openai/v1/images/generations"
    if not hold:
        stand.load(url, BODY, min(callers, 4), 40)  # warm
    peak = {"memory": 0, "threads": 0}
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(program, peak, over))
    watcher.start()
    before, database_before = cpu(program), database_cpu(stand.database_pid)
    try:
        result = stand.load(url, BODY, callers, requests)
        spent = (cpu(program) - before) * 1000 / requests
        database_spent = (database_cpu(stand.database_pid) - database_before) * 1000 / requests
    finally:
        over.set()
        watcher.join()
        program.kill()
    return {
        "case": name,
        **result,
        "web_cpu_ms": round(spent, 2),
        "pg_cpu_ms": round(database_spent, 2),
        "peak_mb": peak["memory"],
        "threads": peak["threads"],
    }


def _watch(program: Program, peak: dict[str, int], over: threading.Event) -> None:
    while not over.is_set():
        peak["memory"] = max(peak["memory"], memory(program))
        peak["threads"] = max(peak["threads"], threads(program))
        time.sleep(0.2)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a tenth of the requests")
    parser.add_argument("--only", default="", help="run only the cases whose name contains this")
    told = parser.parse_args()
    share = 10 if told.quick else 1
    cases = [
        ("one caller, small", SMALL, 1, 1000 // share, 0.0),
        ("32 callers, small", SMALL, 32, 6000 // share, 0.0),
        ("16 callers, 1.5 MB", BIG, 16, 1500 // share, 0.0),
        ("500 held 5 s, small", SMALL, 500, 500, 5.0),
        ("1000 held 5 s, small", SMALL, 1000, 1000, 5.0),
        ("1000 held 5 s, 1.5 MB", BIG, 1000, 1000, 5.0),
    ]
    with rig() as stand:
        rows = [measure(stand, *case) for case in cases if told.only in case[0]]
    show("synchronous door", rows)


if __name__ == "__main__":
    main()
