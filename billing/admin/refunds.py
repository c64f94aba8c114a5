"""Giving back a charge: from the ledger, where finance reads, or from the generation's own page."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpRequest

from accounts.access import Permission
from accounts.admin.deeds import Deed, Reason, Values
from accounts.admin.who import actor
from accounts.errors import AccountsProblem
from billing.actions.refunds import refund
from billing.admin.columns import amount
from billing.admin.deeds import two_persons
from billing.admin.given import refunded
from billing.errors import BillingProblem
from billing.ledger import Held
from billing.models import Entry


class RefundForm(Reason):
    tokens = forms.IntegerField(
        label="Tokens",
        required=False,
        min_value=1,
        help_text="Empty: all that was charged and not given back yet.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "class": "input short"}),
    )


class Refund(Deed):
    """Of a row that stands for a charge; `prepare` sets its `refundable` tokens."""

    name, title, icon = "refund", "Refund", "undo"
    permission = Permission.REFUND_MAKE
    says = "Gives back what was charged, never more. The team sees the reason in its ledger; images stay."
    refusals = (AccountsProblem, BillingProblem)

    @abstractmethod
    def held(self, row: Any) -> Held:
        """The hold that the charge closed."""

    def made_form(self, rows: Sequence[Any], data: Any = None) -> Any:
        """How much is asked for one; several get all of theirs."""
        return RefundForm(data) if len(rows) == 1 else Reason(data)

    def problem(self, row: Any) -> str:
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
        teams = len({row.organization_id for row in rows})
        whom = rows[0].organization.name if teams == 1 else f"{teams} organizations"
        return [f"{tokens:,} tokens, {amount(self._amount(rows, values))}, go back to {whom}."]

    def _amount(self, rows: Sequence[Any], values: Values) -> int:
        return sum(self._tokens(row, values) * row.unit_price for row in rows)

    def needs_second(self, rows: Sequence[Any], values: Values) -> str:
        return two_persons(self._amount([row for row in rows if not self.problem(row)], values))

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        refund(
            held=self.held(row),
            tokens=self._tokens(row, values),
            reason=values["reason"],
            by=actor(request),
            reference=reference,
        )

    def done(self, count: int) -> str:
        return "It is refunded." if count == 1 else f"{count:,} charges are refunded."


class RefundEntry(Refund):
    """Of a charge in the ledger."""

    def prepare(self, rows: Sequence[Any]) -> None:
        charges = [row for row in rows if row.kind == Entry.Kind.SETTLE]
        back = refunded((row.organization_id, row.generation_id) for row in charges)
        for row in rows:
            row.refundable = (row.tokens or 0) - back.get(row.generation_id, 0)

    def problem(self, row: Any) -> str:
        return super().problem(row) if row.kind == Entry.Kind.SETTLE else "it is no charge."

    def label(self, row: Any) -> str:
        return f"No. {row.pk} of {row.organization.name}"

    def held(self, row: Any) -> Held:
        return Held(
            organization=row.organization_id,
            mode=row.mode,
            key=None,
            generation=row.generation_id,
            tokens=row.tokens,
            unit_price=row.unit_price,
            at=row.created_at,
        )
