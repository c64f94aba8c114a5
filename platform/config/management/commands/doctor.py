"""`manage.py doctor`: green, amber, red, and what to do about it."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from config import doctor
from config.doctor import Colour, Finding


class Command(BaseCommand):
    help = (
        "Look at the database, its roles and migrations, clock, storage, links, broker, heartbeats, mail, "
        "proxy and every channel. Exit 1 if anything is red."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = doctor.examine()
        self.stdout.write(_as_json(findings) if options["json"] else self._as_text(findings))
        if _ill(findings):
            sys.exit(1)

    def _as_text(self, findings: Sequence[Finding]) -> str:
        paint = {
            Colour.GREEN: self.style.SUCCESS,
            Colour.AMBER: self.style.WARNING,
            Colour.RED: self.style.ERROR,
        }
        width = max(len(one.name) for one in findings)
        lines = []
        for one in findings:
            lines.append(f"{paint[one.colour](f'{one.colour:5}')}  {one.name:{width}}  {one.says}")
            if one.remedy:
                lines.append(f"{'':{width + 9}}{one.remedy}")
        return "\n".join(lines)


def _ill(findings: Sequence[Finding]) -> bool:
    return any(one.colour is Colour.RED for one in findings)


def _as_json(findings: Sequence[Finding]) -> str:
    return json.dumps({"healthy": not _ill(findings), "findings": [asdict(one) for one in findings]})
