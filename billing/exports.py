"""What leaves as a file, for the management API and the pages alike. Times are those of the timezone that
was asked for, money is in dollars to the last digit, and no cell is a formula."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.http import StreamingHttpResponse

from accounts.api.exports import Batch, csv_answer
from accounts.models import Organization
from billing import entries
from billing.entries import Wanted
from billing.money import dollars
from billing.statements import Statement
from billing.usage import COLUMNS, Report
from billing.usage import Line as UsageLine

ROWS = 1000
ENTRIES = (
    "id", "created_at", "kind", "amount_usd", "change_usd", "balance_usd", "tokens", "generation_id",
    "reason", "actor",
)  # fmt: skip
USAGE = ("at", *COLUMNS, "generations", "images", "tokens", "cost_usd", "average_seconds")
STATEMENT = ("line", "model", "count", "images", "tokens", "amount_usd", "balance_usd", "from", "to")


def entries_file(
    organization: Organization, mode: str, wanted: Wanted, zone: ZoneInfo
) -> StreamingHttpResponse:
    """Every entry that is wanted, newest first, in constant memory."""
    return csv_answer("entries", ENTRIES, partial(_entries, organization, mode, wanted, zone))


def _entries(
    organization: Organization, mode: str, wanted: Wanted, zone: ZoneInfo, before: int | None
) -> Batch:
    lines = entries.page(organization, mode, wanted, before=before, size=ROWS)
    more = lines[-1].id if len(lines) == ROWS else None
    return [_entry(line, zone) for line in lines], more


def _entry(line: entries.Line, zone: ZoneInfo) -> Sequence[Any]:
    return (
        line.id,
        line.at.astimezone(zone).isoformat(),
        line.kind,
        dollars(line.amount),
        dollars(line.change),
        dollars(line.balance),
        line.tokens,
        str(line.generation or ""),
        line.reason,
        line.actor,
    )


def usage_file(report: Report) -> StreamingHttpResponse:
    """The lines of a report, in its timezone."""
    rows = [_usage(line) for line in report.lines]
    return csv_answer(f"usage-{_day(report.since)}-{_day(report.until)}", USAGE, lambda _: (rows, None))


def _usage(line: UsageLine) -> Sequence[Any]:
    totals = line.totals
    return (
        line.at.isoformat() if line.at else "",
        *(str(getattr(line, name) or "") for name in COLUMNS),
        totals.generations,
        totals.images,
        totals.tokens,
        dollars(totals.amount),
        totals.average_seconds,
    )


def statement_file(statement: Statement) -> StreamingHttpResponse:
    """A month: the opening balance, a line for each kind of credit and each model, the closing balance."""
    return csv_answer(
        f"statement-{statement.first:%Y-%m}", STATEMENT, lambda _: (_statement(statement), None)
    )


def _statement(statement: Statement) -> list[Sequence[Any]]:
    span = statement.since.isoformat(), statement.until.isoformat()
    balance = statement.opening
    rows: list[Sequence[Any]] = [("opening", "", "", "", "", "", dollars(balance), *span)]
    for line in statement.lines:
        balance += line.amount
        counts = (line.count, line.images, line.tokens)
        rows.append((line.kind, line.model, *counts, dollars(line.amount), dollars(balance), *span))
    return [*rows, ("closing", "", "", "", "", "", dollars(balance), *span)]


def _day(at: datetime) -> str:
    return f"{at:%Y%m%d}"
