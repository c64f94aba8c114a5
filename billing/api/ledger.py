"""The balance and the entries behind it."""

from __future__ import annotations

from typing import Any

from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.fields import moment
from accounts.api.operations import operation
from accounts.api.paging import Pager
from accounts.api.shapes import page_of
from accounts.api.views import ManagementView
from billing import entries, exports
from billing.api.shapes import BalanceShape, EntriesQuery, EntryShape
from billing.entries import Wanted

ENTRY = {
    "id": 4711,
    "created_at": "2026-11-20T12:00:00Z",
    "kind": "settle",
    "amount_usd": "0.0387",
    "change_usd": "0",
    "balance_usd": "24.9613",
    "tokens": 1290,
    "generation_id": "0192f0c1-7a00-7000-8000-000000000004",
    "reason": "",
    "actor": "",
}


class BalanceView(ManagementView):
    """What is left."""

    @operation(
        id="show_balance",
        summary="Show the balance",
        description="The prepaid balance of the mode. A test wallet refills by itself.",
        permission=Permission.USAGE_READ,
        answer=BalanceShape,
        example={"mode": "live", "available_usd": "24.9613", "held_usd": "0", "posted_usd": "24.9613"},
    )
    def get(self, request: Request) -> Response:
        found = entries.balance(self.organization, self.mode)
        told = {
            "mode": self.mode,
            "available_usd": found.available,
            "held_usd": found.held,
            "posted_usd": found.posted,
        }
        return Response(BalanceShape(told).data)


class EntriesView(ManagementView):
    """Every transfer."""

    @operation(
        id="list_entries",
        csv=True,
        summary="List entries",
        description="The ledger, newest first, each entry with the available balance after it. `format=csv` "
        "streams all of them, with times in the timezone.",
        permission=Permission.USAGE_READ,
        query=EntriesQuery,
        answer=page_of(EntryShape),
        example={"data": [ENTRY], "next_cursor": None},
    )
    def get(self, request: Request) -> HttpResponseBase:
        wanted, zone = _wanted(self.query), self.query["timezone"]
        if self.query["format"] == "csv":
            self.require(Permission.EXPORT_BILLING)
            return exports.entries_file(self.organization, self.mode, wanted, zone)
        pager = Pager(self.query, self.organization.pk, "entries", self.mode)
        at = pager.position()
        lines = entries.page(
            self.organization,
            self.mode,
            wanted,
            before=at[0] if at else None,
            size=pager.size + 1,
        )
        return Response(pager.page(lines, lambda line: EntryShape(line).data, lambda line: [line.id]))


def _wanted(query: dict[str, Any]) -> Wanted:
    zone = query["timezone"]
    return Wanted(
        kind=query.get("kind", ""),
        generation=query.get("generation_id"),
        since=moment(query.get("from"), zone),
        until=moment(query.get("to"), zone),
    )
