"""How long `prove_ledger` takes: `script/bench proof [--entries 1000000]`.

Fills an embedded database of its own with so many entries (five for two generations: one that made
half of what was ordered, one that made all of it or failed), as a superuser and without triggers,
seals them with the real sealer, and proves them three times. The table is of the median run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]
RUNS = 3
ORGANIZATIONS = 100
MODEL, TOKENS, PRICE = "gemini-2.5-flash-image", 1290, 30_000


def main() -> None:
    options = argparse.ArgumentParser(description="Times prove_ledger.")
    options.add_argument("--entries", type=int, default=1_000_000)
    entries = options.parse_args().entries
    with tempfile.TemporaryDirectory(prefix="easel-bench-proof-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        measure(Path(home), entries)


def measure(home: Path, entries: int) -> None:
    """A server of its own under `home`, filled, sealed, proved."""
    from runtime import embedded

    with embedded.session(home / "postgres") as server:
        os.environ |= {
            "EASEL_ENV": "test", "EASEL_DATA": str(home), "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": server.url, "DATABASE_ADMIN_URL": server.admin_url,
        }  # fmt: skip
        for command in ("setup_database", "migrate"):
            subprocess.run(
                [sys.executable, str(ROOT / "manage.py"), command], check=True, stdout=subprocess.DEVNULL
            )
        import django
        from django.db import connection

        django.setup()
        began = time.monotonic()
        version = fill(server.admin_url, entries)
        filled, began = time.monotonic() - began, time.monotonic()
        seals = seal_everything()
        print(f"Filled in {filled:.0f} s, {seals} seals made in {time.monotonic() - began:.1f} s.\n")
        report(run_and_check(), version)
        connection.close()


def fill(admin_url: str, entries: int) -> str:
    """Writes the history; returns the server's version."""
    from generations.spec import Order

    order = Order(model=MODEL, asked=MODEL, prompt="a heron at dawn, " * 20)
    values = {
        "organizations": ORGANIZATIONS, "model": MODEL, "tokens": TOKENS, "price": PRICE,
        "generations": entries * 2 // 5,
        "order": json.dumps(order.to_json()),
        "fingerprint": order.fingerprint(),
    }  # fmt: skip
    with psycopg.connect(admin_url, autocommit=True, cursor_factory=psycopg.ClientCursor) as admin:
        admin.execute((ROOT / "bench" / "proof.sql").read_text(), values)
        admin.execute("VACUUM ANALYZE")
        return f"PostgreSQL {admin.info.server_version // 10000}.{admin.info.server_version % 10000}"


def seal_everything() -> int:
    from billing import seals

    made = 0
    while more := seals.seal_all():
        made += more
    return made


def run_and_check() -> Any:
    """The median of some runs. Raises if one of them finds anything: a wrong book has no time."""
    from config import proof

    runs = [proof.prove() for _ in range(RUNS)]
    for run in runs:
        assert not run.broken, [finding for finding in run.findings if finding.broken]
    middle = statistics.median_low(run.seconds for run in runs)
    return next(run for run in runs if run.seconds == middle)


def report(run: Any, version: str) -> None:
    for finding in run.findings:
        print(f"  {finding.id:4} {finding.seconds:6.2f} s  {finding.sentence}")
    counts = ", ".join(f"{count:,} {name}" for name, count in run.counts.items())
    print(f"\n  all  {run.seconds:6.2f} s  {counts}")
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {version}, Python {platform.python_version()}"
    print(f"       on {machine}\n")
    seconds = {finding.id: round(finding.seconds, 3) for finding in run.findings}
    print(json.dumps({
        "bench": "proof", "seconds": round(run.seconds, 3), **run.counts, "machine": machine,
        "by_invariant": seconds,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
