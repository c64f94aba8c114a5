"""What operators do to generations: cancel, refund, replay, and look behind the seal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpRequest

from accounts.access import Permission
from accounts.actions.operators import SHORTEST_REASON
from accounts.admin import glass
from accounts.admin.deeds import Deed, Reason, Values
from accounts.admin.who import actor
from accounts.errors import AccountsProblem
from billing import pricing
from billing.actions.refunds import refund
from billing.admin.columns import amount
from billing.admin.deeds import TWO_PERSONS
from billing.admin.ledger import refunded
from billing.errors import BillingProblem
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


# ---- refund --------------------------------------------------------------------------------------


class RefundForm(Reason):
    tokens = forms.IntegerField(
        label="Tokens",
        required=False,
        min_value=1,
        help_text="Empty: all that was charged and not given back yet.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "class": "input short"}),
    )


class Refund(_OfGeneration):
    name, title, icon = "refund", "Refund", "undo"
    permission = Permission.REFUND_MAKE
    says = "Gives back what was charged, never more. The team sees the reason in its ledger; images stay."

    def made_form(self, rows: Sequence[Any], data: Any = None) -> Any:
        """How much is asked for one; several get all of theirs."""
        return RefundForm(data) if len(rows) == 1 else Reason(data)

    def prepare(self, rows: Sequence[Any]) -> None:
        """What was given back of each already."""
        back = refunded(row for row in rows if row.state == State.SUCCEEDED)
        for row in rows:
            row.refundable = row.tokens - back.get(row.pk, 0)

    def problem(self, row: Any) -> str:
        if row.state != State.SUCCEEDED:
            return "nothing was charged."
        return "" if row.refundable > 0 else "it was refunded already."

    def _tokens(self, row: Any, values: Values) -> int:
        return int(values.get("tokens") or row.refundable)

    def effect(self, row: Any, values: Values) -> str:
        tokens = self._tokens(row, values)
        return f"{tokens:,} of {row.tokens:,} tokens, {amount(tokens * row.unit_price)}, go back."

    def summary(self, rows: Sequence[Any], values: Values) -> list[str]:
        if len(rows) < 2:
            return []
        tokens = sum(self._tokens(row, values) for row in rows)
        return [f"{tokens:,} tokens, {amount(self._amount(rows, values))}, go back to {_teams(rows)}."]

    def _amount(self, rows: Sequence[Any], values: Values) -> int:
        return sum(self._tokens(row, values) * row.unit_price for row in rows)

    def needs_second(self, rows: Sequence[Any], values: Values) -> str:
        many = self._amount([row for row in rows if not self.problem(row)], values) > TWO_PERSONS
        return f"More than {amount(TWO_PERSONS)} (a million tokens) takes two operators." if many else ""

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        refund(
            held=held_by(row),
            tokens=self._tokens(row, values),
            reason=values["reason"],
            by=actor(request),
            reference=reference,
        )

    def done(self, count: int) -> str:
        return "It is refunded." if count == 1 else f"{count:,} generations are refunded."


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
