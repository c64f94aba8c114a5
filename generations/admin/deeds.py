"""What operators do to generations: cancel, refund, replay, and look behind the seal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest

from accounts.access import Permission
from accounts.actions.operators import SHORTEST_REASON
from accounts.admin import glass
from accounts.admin.deeds import Deed, Reason, Values
from accounts.admin.who import actor
from accounts.errors import AccountsProblem
from billing import pricing
from billing.admin.columns import amount
from billing.admin.given import refunded
from billing.admin.refunds import Refund as RefundCharge
from billing.errors import BillingProblem
from billing.ledger import Held
from generations.actions import keeping, replay
from generations.actions.submit import held_by
from generations.errors import Problem
from generations.models import Generation
from generations.spec import State

REFUSALS = (AccountsProblem, BillingProblem, Problem)
LIVE = (State.QUEUED, State.RUNNING)


class _OfGeneration(Deed):
    refusals = REFUSALS

    def label(self, row: Any) -> str:
        return f"…{str(row.pk)[-8:]} of {row.organization.name}"


class Cancel(_OfGeneration):
    name, title, icon, grave = "cancel", "Cancel", "cancel", True
    permission = Permission.GENERATION_CANCEL
    says = "What waits is not begun, what runs is given up; what was held goes back. Nothing is charged."

    def problem(self, row: Generation) -> str:
        return "" if row.state in LIVE else f"it is {row.state} already."

    def effect(self, row: Generation, values: Values) -> str:
        return f"{row.state.capitalize()}: {amount(row.tokens_held * row.unit_price)} go back."

    def summary(self, rows: Sequence[Any], values: Values) -> list[str]:
        held = sum(row.tokens_held * row.unit_price for row in rows)
        return [f"{amount(held)} that are held go back to {_teams(rows)}."] if len(rows) > 1 else []

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        keeping.cancel(generation=row, by=actor(request), reason=values["reason"])

    def done(self, count: int) -> str:
        return "It is cancelled." if count == 1 else f"{count:,} generations are cancelled."


class Refund(RefundCharge):
    def prepare(self, rows: Sequence[Any]) -> None:
        charged = [row for row in rows if row.state == State.SUCCEEDED]
        back = refunded((row.organization_id, row.pk) for row in charged)
        for row in rows:
            row.refundable = row.tokens - back.get(row.pk, 0)

    def problem(self, row: Any) -> str:
        return super().problem(row) if row.state == State.SUCCEEDED else "nothing was charged."

    def label(self, row: Any) -> str:
        return f"…{str(row.pk)[-8:]} of {row.organization.name}"

    def held(self, row: Any) -> Held:
        return held_by(row)


# ---- replay --------------------------------------------------------------------------------------


class Replay(_OfGeneration):
    name, title, icon = "replay", "Replay", "replay"
    permission = Permission.GENERATION_REPLAY
    says = (
        "Makes a new generation of the same order. The team pays nothing: it is granted the price first. "
        "The order's own callback is not called; endpoints that listen are told as usual."
    )

    def prepare(self, rows: Sequence[Any]) -> None:
        prices = {model: pricing.current(model) for model in {row.model for row in rows}}
        for row in rows:
            row.replay_cost = row.tokens_held * prices[row.model]

    def problem(self, row: Any) -> str:
        if row.state in LIVE:
            return f"it is {row.state} still."
        if row.organization.state != "active":
            return "its organization is suspended."
        return "" if row.replay_cost else "its model has no price."

    def effect(self, row: Any, values: Values) -> str:
        images = "1 image" if row.count == 1 else f"{row.count} images"
        return f"{images} anew, {amount(row.replay_cost)} at our expense."

    def summary(self, rows: Sequence[Any], values: Values) -> list[str]:
        cost = amount(sum(row.replay_cost for row in rows))
        return [f"Costs us {cost}, granted to {_teams(rows)}."] if len(rows) > 1 else []

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        replay.replay(generation=row, reason=values["reason"], by=actor(request), reference=reference)

    def done(self, count: int) -> str:
        return "It is ordered anew." if count == 1 else f"{count:,} generations are ordered anew."


# ---- the seal ------------------------------------------------------------------------------------


class UnsealForm(Reason):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].min_length = SHORTEST_REASON  # type: ignore[attr-defined]  # a text field
        self.fields["reason"].help_text = "The team reads it in its audit log."


class Unseal(Deed):
    """For the page of a generation or of an organization."""

    name, title, icon = "unseal", "Break the seal", "lock_open"
    permission = Permission.GLASS_BREAK
    many = False
    form = UnsealForm
    says = (
        f"For {glass.MINUTES} minutes you see the prompts and pictures of this organization, and no other. "
        "That you did, and why, is in its audit log."
    )

    def problem(self, row: Any) -> str:
        return "" if getattr(row, "sealed", True) else "it is open."

    def _team(self, row: Any) -> Any:
        return getattr(row, "organization", row)

    def label(self, row: Any) -> str:
        return str(self._team(row).name)

    def effect(self, row: Any, values: Values) -> str:
        return f"Open for {glass.MINUTES} minutes."

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        glass.break_glass(request, self._team(row), values["reason"])

    def done(self, count: int) -> str:
        return f"Open for {glass.MINUTES} minutes."


def _teams(rows: Sequence[Any]) -> str:
    teams = {row.organization_id: row.organization.name for row in rows}
    return next(iter(teams.values())) if len(teams) == 1 else f"{len(teams)} organizations"
