"""The ledger as a stranger to our code adds it up."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from tests.cast import Cast


@dataclass(frozen=True)
class Past:
    """An organization with a past, and the superuser who reads its entries."""

    cast: Cast
    admin: psycopg.Connection[Any]

    def charges(self) -> list[tuple[datetime, int, int]]:
        """(when, tokens, nano-dollars) of every charge of the live wallet."""
        rows = self.admin.execute(
            "SELECT created_at, tokens, amount FROM billing_entry"
            " WHERE organization_id = %s AND mode = 'live' AND kind = 'settle'",
            (self.cast.organization.pk,),
        )
        return rows.fetchall()

    def charged_by(self, step: Callable[[datetime], Any], zone: str) -> dict[Any, tuple[int, int]]:
        """(tokens, nano-dollars) of each step of a timezone, by Python's own clock."""
        sums: defaultdict[Any, list[int]] = defaultdict(lambda: [0, 0])
        for at, tokens, amount in self.charges():
            name = step(at.astimezone(ZoneInfo(zone)))
            sums[name][0] += tokens
            sums[name][1] += amount
        return {name: (tokens, amount) for name, (tokens, amount) in sums.items()}

    def posted(self) -> int:
        row = self.admin.execute(
            "SELECT posted FROM billing_wallet WHERE organization_id = %s AND mode = 'live'",
            (self.cast.organization.pk,),
        ).fetchone()
        return int(row[0]) if row else 0


def told(answer: Any) -> list[dict[str, str]]:
    """The rows of a streamed CSV."""
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(asyncio.run(_whole(answer)).decode())))


async def _whole(answer: Any) -> bytes:
    return b"".join([chunk async for chunk in answer.streaming_content])


# ---- the usage page --------------------------------------------------------------------------


def drawn(source: str) -> dict[str, Any]:
    """What the script draws, by the chart."""
    found = re.findall(
        r'<script id="(\w+)-numbers" type="application/json">(.*?)</script>', source, re.DOTALL
    )
    return {name: json.loads(text) for name, text in found}


def sums(chart: dict[str, Any]) -> float:
    return sum(value or 0 for series in chart["series"] for value in series["values"])
