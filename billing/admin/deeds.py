"""What operators do with money: credit, corrections, prices. Each shows its reason to the team."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest

from accounts.access import Permission
from accounts.admin.deeds import Deed, Reason, Values
from accounts.admin.who import actor
from accounts.errors import AccountsProblem, Conflict
from accounts.models import Organization
from billing import actions, pricing
from billing.actions import credit
from billing.admin.columns import amount
from billing.errors import BillingProblem, InsufficientCredit
from billing.models import Wallet
from billing.money import NANO, nano_of
from runtime.clock import utc_now

TWO_PERSONS = 1_000_000 * 30_000
"""Nano-dollars of a million tokens: what is given back or taken beyond needs two operators (D.3)."""
MOST_DOLLARS = Decimal(1_000_000)


def dollars_field(label: str, *, least: str = "0.000000001", hint: str = "") -> forms.DecimalField:
    """Dollars to nine decimals."""
    return forms.DecimalField(
        label=label,
        min_value=Decimal(least),
        max_value=MOST_DOLLARS,
        max_digits=17,
        decimal_places=9,
        help_text=hint,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "class": "input short"}),
    )


def _nano(values: Values, name: str = "dollars") -> int:
    return nano_of(values[name]) if values.get(name) is not None else 0


class _OfOrganization(Deed):
    """Something about the live wallet of an organization."""

    permission = Permission.CREDIT_MANAGE
    many = False
    refusals = (AccountsProblem, BillingProblem)

    def label(self, row: Any) -> str:
        return f"{row.name} ({row.slug})"

    def prepare(self, rows: Sequence[Any]) -> None:
        wallets = Wallet.objects.across().filter(organization__in=rows, mode="live")
        known = {wallet.organization_id: wallet.available for wallet in wallets}
        for row in rows:
            row.available = known.get(row.pk, 0)


class GrantForm(Reason):
    dollars = dollars_field("Dollars")


class Grant(_OfOrganization):
    name, title, icon = "grant", "Grant credit", "add_card"
    form = GrantForm
    says = "Adds to the live balance, at once. The team sees the reason in its ledger."

    def effect(self, row: Any, values: Values) -> str:
        given = _nano(values)
        return f"{amount(row.available)} available, {amount(row.available + given)} after."

    def do(self, request: HttpRequest, row: Organization, values: Values, reference: str) -> None:
        given, by = _nano(values), actor(request)
        actions.grant(organization=row, amount=given, reason=values["reason"], by=by, reference=reference)

    def done(self, count: int) -> str:
        return "The credit is there."


class AdjustForm(Reason):
    direction = forms.ChoiceField(
        label="Which way", choices=(("add", "Add to the balance"), ("take", "Take from the balance"))
    )
    dollars = dollars_field("Dollars")


def _signed(values: Values) -> int:
    return -_nano(values) if values.get("direction") == "take" else _nano(values)


class Adjust(_OfOrganization):
    name, title, icon, grave = "adjust", "Adjust balance", "balance", True
    permission = Permission.REFUND_MAKE
    form = AdjustForm
    says = "Corrects the live balance. The team sees the reason in its ledger. What running work holds stays."

    def effect(self, row: Any, values: Values) -> str:
        return f"{amount(row.available)} available, {amount(row.available + _signed(values))} after."

    def needs_second(self, rows: Sequence[Any], values: Values) -> str:
        return two_persons(_nano(values))

    def do(self, request: HttpRequest, row: Organization, values: Values, reference: str) -> None:
        try:
            actions.adjust(
                organization=row,
                amount=_signed(values),
                reason=values["reason"],
                by=actor(request),
                reference=reference,
            )
        except InsufficientCredit as error:
            raise Conflict(f"Only {amount(error.available)} are available.") from error

    def done(self, count: int) -> str:
        return "The balance is adjusted."


def two_persons(nano: int) -> str:
    """Why an amount needs a second operator; empty if it needs none."""
    limit = amount(TWO_PERSONS)
    return f"More than {limit} (a million tokens) takes two operators." if nano > TWO_PERSONS else ""


# ---- requests for credit -------------------------------------------------------------------------


class AnswerForm(Reason):
    dollars = dollars_field("Dollars", hint="What is really given.")


class GrantRequest(Deed):
    name, title, icon = "grant", "Grant", "add_card"
    permission = Permission.CREDIT_MANAGE
    many = False
    form: ClassVar[type[Reason]] = AnswerForm
    says = "Adds to the balance, answers the request and mails who asked, with your reason."
    refusals = (AccountsProblem, BillingProblem)

    def made_form(self, rows: Sequence[Any], data: Any = None) -> Any:
        asked = Decimal(rows[0].amount) / NANO if rows else None
        return self.form(data, initial={"dollars": f"{asked.normalize():f}" if asked else ""})

    def problem(self, row: Any) -> str:
        return "" if row.state == "open" else f"it was answered: {row.get_state_display().lower()}."

    def label(self, row: Any) -> str:
        return f"{row.organization.name} asks for {amount(row.amount)}"

    def effect(self, row: Any, values: Values) -> str:
        return f"{amount(_nano(values))} are given." if values else str(row.note)

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        credit.grant(
            organization=row.organization,
            request=row.pk,
            amount=_nano(values),
            reason=values["reason"],
            by=actor(request),
        )

    def done(self, count: int) -> str:
        return "The credit is there, and the one who asked was told."


class DeclineRequest(GrantRequest):
    name, title, icon, grave = "decline", "Decline", "do_not_disturb_on", True
    form = Reason
    says = "Answers the request and mails who asked, with your reason."

    def made_form(self, rows: Sequence[Any], data: Any = None) -> Any:
        return self.form(data)

    def effect(self, row: Any, values: Values) -> str:
        return "Nothing is given."

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        credit.decline(
            organization=row.organization, request=row.pk, reason=values["reason"], by=actor(request)
        )

    def done(self, count: int) -> str:
        return "The request is declined, and the one who asked was told."


# ---- prices --------------------------------------------------------------------------------------


class PriceForm(Reason):
    model = forms.ChoiceField(label="Model")
    per_million = dollars_field("Dollars per million tokens", least="0.001")
    effective_from = forms.DateTimeField(
        label="In effect from (UTC)",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "class": "input short"}),
        help_text="Empty: from now on. What was ordered before keeps its price.",
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = pricing.priced()
        self.fields["model"].choices = [(model, model) for model in known]  # type: ignore[attr-defined]  # a choice field

    def clean_per_million(self) -> Decimal:
        per_million: Decimal = self.cleaned_data["per_million"]
        if (per_million * NANO) % 1_000_000:
            raise forms.ValidationError("A token costs a whole number of nano-dollars: use three decimals.")
        return per_million

    def clean_effective_from(self) -> Any:
        wanted, now = self.cleaned_data["effective_from"], utc_now()
        if wanted and wanted < now:
            raise forms.ValidationError("A price cannot take effect in the past: choose a later moment.")
        return wanted or now


class SetPrice(Deed):
    name, title, icon = "set", "Set a price", "sell"
    permission = Permission.PRICE_SET
    one, many, bare = False, False, True
    form = PriceForm
    says = "A price is followed by another, never changed: past numbers stay as they are."

    def summary(self, rows: Sequence[Any], values: Values) -> list[str]:
        if not values:
            return []
        unit, model = _unit(values), values["model"]
        before = pricing.current(model)
        return [
            f"{model}: {amount(before * 1_000_000)} per million tokens now, {amount(unit * 1_000_000)} from "
            f"{values['effective_from']:%Y-%m-%d %H:%M} UTC on.",
            f"An image of 1,290 tokens: {amount(before * 1290)} now, {amount(unit * 1290)} then.",
        ]

    def do(self, request: HttpRequest, row: Any, values: Values, reference: str) -> None:
        pricing.set_price(
            model=values["model"],
            unit_price=_unit(values),
            effective_from=values["effective_from"],
            by=actor(request),
            reason=values["reason"],
        )

    def done(self, count: int) -> str:
        return "The price is set."


def _unit(values: Values) -> int:
    """Nano-dollars per token."""
    return int(values["per_million"] * NANO) // 1_000_000
