"""Each door: added latency with one caller, requests per second with sixteen, small and 1.5 MB.

    script/bench doors [--quick] [--only WORD]

The synchronous doors answer with the picture, the others with the task (their pictures are drawn by
`script/bench pipeline`). Where LiteLLM is installed in an environment of its own (`.litellm`, or
EASEL_BENCH_LITELLM), its proxy is measured between the doors, in the same run, against the same upstream,
with a master key and nothing else: no keys of its own, no ledger, no storage.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.stand import litellm
from bench.stand.rig import Rig, cpu, database_cpu, memory, pin, rig, show
from tests.house import Program

MODEL = "gemini-2.5-flash-image"
ORDER: dict[str, object] = {"model": MODEL, "prompt": "a cat"}
SIZES = {"small": 1024, "1.5 MB": 1_500_000}
CALLERS = 16
REQUESTS = {"small": 1500, "1.5 MB": 600}
QUEUE = "/gmi/api/v1/ie/requestqueue/apikey/requests"
DOORS: Mapping[str, tuple[str, dict[str, object]]] = {
    "openai": ("/openai/v1/images/generations", ORDER),
    "gemini": (
        f"/gemini/v1beta/models/{MODEL}:generateContent",
        {"contents": [{"parts": [{"text": "a cat"}]}]},
    ),
    "evolink": ("/evolink/v1/images/generations", ORDER),
    "toapis": ("/toapis/v1/images/generations", {**ORDER, "model": f"{MODEL}-official"}),
    "gmi": (QUEUE, {"model": MODEL, "payload": {"prompt": "a cat"}}),
}
WAITS = ("openai", "gemini")


@dataclass(frozen=True)
class Case:
    """Who is asked for what."""

    name: str
    url: str
    key: str
    body: dict[str, object]
    program: Program


def measure(stand: Rig, case: Case, size: str, share: int) -> dict[str, Any]:
    """One row: alone for the latency, then many for the throughput."""
    caller = Rig(stand.servers, stand.admin_url, case.key, stand.database_pid)
    caller.load(case.url, case.body, 4, 40)  # warm
    alone = caller.load(case.url, case.body, 1, max(300 // share, 30))
    requests = REQUESTS[size] // share
    before, database = cpu(case.program), database_cpu(stand.database_pid)
    crowd = caller.load(case.url, case.body, CALLERS, requests)
    return {
        "door": case.name,
        "picture": size if case.name in (*WAITS, "litellm") else "-",
        "p50_ms": alone["p50"],
        "p95_ms": alone["p95"],
        "per_second": crowd["per_second"],
        "web_cpu_ms": round((cpu(case.program) - before) * 1000 / requests, 2),
        "pg_cpu_ms": round((database_cpu(stand.database_pid) - database) * 1000 / requests, 2),
        "peak_mb": memory(case.program),
    }


@contextmanager
def ours(stand: Rig, upstream: str) -> Iterator[Program]:
    program = stand.servers.web(
        EASEL_GEMINI_API_KEY="bench", EASEL_GEMINI_BASE_URL=upstream, EASEL_CONCURRENCY="2000",
        EASEL_LANE_CAP="5000",
    )  # fmt: skip
    pin(program)
    try:
        yield program
    finally:
        program.kill()


@contextmanager
def theirs(stand: Rig, upstream: str) -> Iterator[Program | None]:
    place = litellm.home()
    program = litellm.start(stand, place, upstream) if place else None
    try:
        yield program
    finally:
        if program:
            program.kill()


def cases(stand: Rig, web: Program, peer: Program | None, size: str) -> Iterator[Case]:
    """Our doors, with the peer before, between and after those that it can be compared with."""

    def beside() -> Iterator[Case]:
        if peer:
            yield Case("litellm", f"{peer.url}/v1/images/generations", litellm.KEY, ORDER, peer)

    for name, (path, body) in DOORS.items():
        if name in WAITS:
            yield from beside()
            yield Case(name, web.url + path, stand.key, body, web)
        elif size == "small":
            yield Case(name, web.url + path, stand.key, body, web)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a tenth of the requests")
    parser.add_argument("--only", default="", help="only the doors whose name contains this")
    told = parser.parse_args()
    rows: list[dict[str, Any]] = []
    wanted: Callable[[Case], bool] = lambda case: told.only in case.name  # noqa: E731
    with rig() as stand:
        for size, bytes_ in SIZES.items():
            upstream = stand.upstream(bytes_)
            with ours(stand, upstream) as web, theirs(stand, upstream) as peer:
                chosen = filter(wanted, cases(stand, web, peer, size))
                rows += [measure(stand, case, size, 10 if told.quick else 1) for case in chosen]
    place = litellm.home()
    show(f"doors, beside LiteLLM {litellm.version(place)}" if place else "doors", rows)


if __name__ == "__main__":
    main()
