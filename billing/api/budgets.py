"""Spending limits of the organization and of its keys."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from accounts import directory
from accounts.access import Permission
from accounts.api.operations import WRITE, operation
from accounts.api.problems import invalid
from accounts.api.views import ManagementView, nothing
from accounts.errors import InvalidValue, NotFound
from billing import actions, entries
from billing.api.shapes import BudgetBody, BudgetShape, BudgetsShape

BUDGET = {
    "id": "0192f0c1-7a00-7000-8000-000000000005",
    "key_id": None,
    "period": "month",
    "limit_usd": "100",
    "used_usd": "12.5",
    "left_usd": "87.5",
    "resets_at": "2026-12-01T00:00:00Z",
}


class BudgetsView(ManagementView):
    """All limits."""

    @operation(
        id="list_budgets",
        summary="List budgets",
        description="The spending limits of the mode, with what their present period (UTC) has used.",
        permission=Permission.USAGE_READ,
        answer=BudgetsShape,
        example={"data": [BUDGET]},
    )
    def get(self, request: Request) -> Response:
        return Response(BudgetsShape({"data": entries.budgets(self.organization, self.mode)}).data)

    @operation(
        id="set_budget",
        summary="Set a budget",
        description="Limits what a key, or the whole organization, may spend in a day, week, month (UTC) or "
        "in all. The same key and period again changes the limit; what was used stays counted. It is a hard "
        "stop: what would pass it is refused with 402.",
        permission=Permission.KEY_MANAGE,
        scopes=WRITE,
        body=BudgetBody,
        sent={"period": "month", "limit_usd": "100"},
        answer=BudgetShape,
        example=BUDGET,
    )
    def put(self, request: Request) -> Response:
        key: UUID | None = self.body["key_id"]
        self._require_key(key)
        try:
            row = actions.set_budget(
                organization=self.organization,
                period=self.body["period"],
                limit=self.body["limit_usd"],
                by=self.manager.actor,
                mode=self.mode,
                key=key,
            )
        except InvalidValue as problem:
            raise invalid("limit_usd", problem.message) from problem
        return Response(BudgetShape(entries.budget(self.organization, self.mode, row.pk)).data)

    def _require_key(self, key: UUID | None) -> None:
        try:
            if key is not None:
                directory.key_of(self.organization, self.mode, key)
        except NotFound:
            raise invalid("key_id", "There is no such key.") from None


class BudgetView(ManagementView):
    """One limit."""

    @operation(
        id="delete_budget",
        summary="Delete a budget",
        description="Lifts the limit, from the next request on.",
        permission=Permission.KEY_MANAGE,
        scopes=WRITE,
        status=204,
        refused=(404,),
    )
    def delete(self, request: Request, budget: UUID) -> Response:
        actions.delete_budget(
            organization=self.organization, budget=budget, by=self.manager.actor, mode=self.mode
        )
        return nothing()
