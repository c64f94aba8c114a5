"""`manage.py prove_ledger`: is every token where the books say it is?"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import Error, connection

from config import proof
from config.proof import objects
from runtime.storage import StorageError
from runtime.tenancy import audit

SHOWN = 100
"""Broken rows of one invariant that are printed; `--json` names them all."""
COULD_NOT_RUN = 2


class Command(BaseCommand):
    help = (
        "Recompute the ledger in one read-only snapshot, independently of the code that writes it. "
        "Exit 0: everything holds. 1: each row that breaks an invariant is named. 2: it could not run."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="One JSON object instead of the table.")
        parser.add_argument("--storage", action="store_true", help="Read every stored image, too (I19).")
        parser.add_argument("--organization", metavar="SLUG", help="Only the rows of one organization.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            organization = _find(options["organization"]) if options["organization"] else None
            result = proof.prove(organization)
            if options["storage"]:
                result = proof.with_finding(result, objects.check(organization))
        except (Error, StorageError) as error:
            raise CommandError(
                f"The proof could not run: {error}".strip(), returncode=COULD_NOT_RUN
            ) from error
        self.stdout.write(_as_json(result) if options["json"] else _as_text(result))
        if result.broken:
            sys.exit(1)


def _find(slug: str) -> UUID:
    with audit(), connection.cursor() as cursor:
        cursor.execute("SELECT id FROM accounts_organization WHERE slug = %s", (slug,))
        row = cursor.fetchone()
    if row is None:
        raise CommandError(f"There is no organization {slug}.", returncode=COULD_NOT_RUN)
    identifier: UUID = row[0]
    return identifier


def _as_json(result: proof.Proof) -> str:
    return json.dumps(
        {
            "holds": not result.broken,
            "snapshot": result.at.isoformat(),
            "seconds": round(result.seconds, 3),
            "counts": result.counts,
            "invariants": [asdict(finding) for finding in result.findings],
        }
    )


def _as_text(result: proof.Proof) -> str:
    lines = [f"The ledger at {result.at:%Y-%m-%d %H:%M:%S} UTC, one read-only snapshot", ""]
    for finding in result.findings:
        lines += _finding(finding)
    return "\n".join([*lines, "", _verdict(result)])


def _finding(finding: proof.Finding) -> list[str]:
    mark = "BROKEN" if finding.broken else "holds"
    lines = [f"  {mark:6}  {finding.id:3}  {finding.seconds:6.2f} s  {finding.sentence}"]
    lines += [f"{'':24}{broken.row}: {broken.what}" for broken in finding.broken[:SHOWN]]
    if (more := len(finding.broken) - SHOWN) > 0:
        lines.append(f"{'':24}and {more:,} more; --json names them all")
    return lines


def _counted(count: int, name: str) -> str:
    one = f"{name[:-3]}y" if name.endswith("ies") else name[:-1]
    return f"{count:,} {one if count == 1 else name}"


def _verdict(result: proof.Proof) -> str:
    seen = ", ".join(_counted(count, name) for name, count in result.counts.items())
    read = f"{seen}, {result.seconds:.1f} seconds."
    if not result.broken:
        return f"Everything holds: {read}"
    broken = [finding.id for finding in result.findings if finding.broken]
    rows = "1 row is" if result.broken == 1 else f"{result.broken:,} rows are"
    return f"{rows} wrong, against {', '.join(broken)}: {read}"
