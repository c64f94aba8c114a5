"""What is asked about budgets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django import forms

from billing.models import Budget
from billing.money import nano_of

MOST_DOLLARS: Final = 1_000_000_000
TEAM: Final = "team"
USUAL_ALERT: Final = 80
"""Percent of a new key's budget from which people are told."""
PERIODS: Final[Mapping[str, str]] = {
    Budget.Period.DAY: "Each day",
    Budget.Period.WEEK: "Each week, from Monday",
    Budget.Period.MONTH: "Each month",
    Budget.Period.TOTAL: "In all",
}


def _dollars(**options: Any) -> forms.DecimalField:
    return forms.DecimalField(
        min_value=Decimal("0.000000001"),
        max_value=MOST_DOLLARS,
        decimal_places=9,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "placeholder": "25.00"}),
        error_messages={
            "invalid": "Write an amount in dollars, such as 25 or 0.50.",
            "min_value": "An amount must be above zero.",
            "max_decimal_places": "An amount has at most nine decimals.",
        },
        **options,
    )


class BudgetForm(forms.Form):
    """A limit for one period, and when people are told of it."""

    period = forms.ChoiceField(choices=PERIODS.items())
    limit = _dollars(label="At most, in dollars")
    alert_percent = forms.IntegerField(
        label="Tell owners, admins and billing from, in percent",
        required=False,
        min_value=1,
        max_value=99,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "placeholder": "80"}),
        help_text="A mail, once a period. Nothing is refused until the limit is reached.",
        error_messages={"invalid": "Write a whole number of percent, such as 80."},
    )

    @property
    def amount(self) -> int:
        """Nano-dollars."""
        return nano_of(self.cleaned_data["limit"])


class FirstBudgetsForm(forms.Form):
    """The limits that a new key may be born with."""

    day = _dollars(label="Dollars a day", required=False)
    week = _dollars(label="Dollars a week", required=False)
    month = _dollars(
        label="Dollars a month",
        required=False,
        help_text="What would pass a budget is refused with 402; owners, admins and billing are told at 80 "
        "percent of it. Days, weeks and months are those of UTC.",
    )

    def amounts(self) -> dict[str, int]:
        """Nano-dollars by period, of those that were given."""
        return {period: nano_of(value) for period, value in self.cleaned_data.items() if value is not None}


class TeamBudgetForm(BudgetForm):
    """A limit of the whole team or of one of its keys."""

    key = forms.ChoiceField(label="Whose spending")
    field_order = ("key", "period", "limit", "alert_percent")

    def __init__(self, *args: Any, keys: Iterable[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        whose = [(TEAM, "The whole team"), *keys]
        self.fields["key"] = forms.ChoiceField(label="Whose spending", choices=whose)
        self.order_fields(self.field_order)

    @property
    def key_id(self) -> UUID | None:
        return None if self.cleaned_data["key"] == TEAM else UUID(self.cleaned_data["key"])


class AlertForm(forms.Form):
    """The line below which a team is told."""

    threshold = _dollars(
        label="Tell us when less is available than, in dollars",
        help_text="A mail to owners, admins and billing, and the webhook event balance.low: once each time "
        "the balance falls below it, within a minute if it is below already.",
    )

    @property
    def amount(self) -> int:
        """Nano-dollars."""
        return nano_of(self.cleaned_data["threshold"])


class CreditForm(forms.Form):
    """A request for credit."""

    amount = _dollars(label="Amount, in dollars")
    note = forms.CharField(
        label="What it is for",
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="A purchase order, a project, how soon you need it. The operators read it.",
    )

    @property
    def nano(self) -> int:
        """Nano-dollars."""
        return nano_of(self.cleaned_data["amount"])
