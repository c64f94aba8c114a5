"""Usage by time, key, member, model, dialect and outcome."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.fields import moment
from accounts.api.operations import operation
from accounts.api.views import ManagementView
from billing import exports, usage
from billing.api.shapes import UsageQuery, UsageShape
from billing.usage import COLUMNS, Line, Report
from runtime.clock import utc_now

USUAL = timedelta(days=30)
TOTALS = {"generations": 12, "images": 12, "tokens": 15480, "cost_usd": "0.4644", "average_seconds": 8.4}
EXAMPLE = {
    "from": "2026-11-01T00:00:00+05:45",
    "to": "2026-11-02T00:00:00+05:45",
    "timezone": "Asia/Kathmandu",
    "data": [
        {
            "at": "2026-11-01T00:00:00+05:45",
            "key": None,
            "member": None,
            "model": "gemini-2.5-flash-image",
            "dialect": "",
            "outcome": "",
            "totals": TOTALS,
        }
    ],
    "totals": TOTALS,
}


class UsageView(ManagementView):
    """Where the tokens went."""

    @operation(
        id="read_usage",
        csv=True,
        summary="Read usage",
        description="Sums by quarter, hour, day, week or month of any timezone, by key, member, model, "
        "dialect and outcome. Written in the transaction that charges: the sum of any range is the ledger's "
        "charges in it. Without a range, the last 30 days.",
        permission=Permission.USAGE_READ,
        query=UsageQuery,
        answer=UsageShape,
        example=EXAMPLE,
    )
    def get(self, request: Request) -> HttpResponseBase:
        zone: ZoneInfo = self.query["timezone"]
        until = moment(self.query.get("to"), zone) or utc_now()
        since = moment(self.query.get("from"), zone) or until - USUAL
        by = [word for word in self.query["by"].split(",") if word]
        where = {name: self.query[name] for name in COLUMNS if name in self.query}
        found = usage.report(
            self.organization, self.mode, since=since, until=until, zone=zone, by=by, where=where
        )
        if self.query["format"] == "csv":
            self.require(Permission.EXPORT_BILLING)
            return exports.usage_file(found)
        return Response(UsageShape(_Told(found, zone)).data)


class _Told:
    """A report with its timezone's name."""

    def __init__(self, report: Report, zone: ZoneInfo) -> None:
        self.since, self.until = report.since.isoformat(), report.until.isoformat()
        self.timezone, self.totals = str(zone), report.totals
        self.lines = [_line(line) for line in report.lines]


def _line(line: Line) -> dict[str, Any]:
    return {
        "at": line.at.isoformat() if line.at else None,
        **{name: getattr(line, name) for name in COLUMNS},
        "totals": line.totals,
    }
