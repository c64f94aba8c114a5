"""How money, usage and budgets are shown, and what may be said of them. Money is a decimal in dollars,
as text: no float ever holds it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.fields import UTC, Moment, Strict, Text, Zone
from accounts.api.paging import PageQuery
from accounts.models import Door, Mode
from billing.entries import KINDS
from billing.models import Budget
from billing.money import dollars, nano_of, plain
from billing.usage import COLUMNS, STEPS

MOST_DOLLARS = 1_000_000_000
FORMATS = ["json", "csv"]
GROUPS = ", ".join((*STEPS, *COLUMNS))


@extend_schema_field({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "examples": ["0.0387"]})
class Dollars(serializers.Field[Any, Any, Any, Any]):
    """Nano-dollars inside, dollars outside."""

    def to_representation(self, value: int) -> str:
        return plain(dollars(value))


@extend_schema_field({"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,9})?$", "examples": ["25"]})
class DollarsBody(Text):
    """An amount in dollars, with at most nine decimals."""

    default_error_messages = {"amount": 'Write an amount in dollars, such as "25" or "0.5".'}

    def to_internal_value(self, data: Any) -> Any:
        text = super().to_internal_value(data)
        whole, dot, rest = text.partition(".")
        if not _digits(whole) or (dot and not _digits(rest)):
            self.fail("amount")
        return nano_of(text)


def _digits(text: str) -> bool:
    return 1 <= len(text) <= 9 and text.isascii() and text.isdigit()


class BalanceShape(serializers.Serializer[Any]):
    """The wallet of the mode."""

    mode = serializers.ChoiceField(Mode.choices)
    available_usd = Dollars(help_text="What may be spent.")
    held_usd = Dollars(help_text="What running work has reserved.")
    posted_usd = Dollars(help_text="Both together.")


class EntryShape(serializers.Serializer[Any]):
    """One transfer of the ledger. It never changes."""

    id = serializers.IntegerField()
    created_at = serializers.DateTimeField(source="at")
    kind = serializers.ChoiceField(KINDS)
    amount_usd = Dollars(source="amount")
    change_usd = Dollars(source="change", help_text="What it did to the available balance.")
    balance_usd = Dollars(source="balance", help_text="The available balance after it.")
    tokens = serializers.IntegerField(allow_null=True)
    generation_id = serializers.UUIDField(source="generation", allow_null=True)
    reason = serializers.CharField()
    actor = serializers.CharField()


class EntriesQuery(PageQuery):
    kind = serializers.ChoiceField(KINDS, required=False)
    generation_id = serializers.UUIDField(required=False)
    timezone = Zone(default=UTC, help_text="In which days begin, and times of the CSV are written.")
    format = serializers.ChoiceField(FORMATS, default="json", help_text="`csv` streams all of them.")

    def get_fields(self) -> dict[str, Any]:
        """With the two that Python has other plans for."""
        return {**super().get_fields(), **RANGE()}


def RANGE() -> dict[str, Any]:
    return {
        "from": Moment(required=False, help_text="The first moment, or the day it begins."),
        "to": Moment(required=False, help_text="The moment, or the beginning of the day, that ends it."),
    }


class UsageQuery(Strict):
    by = serializers.CharField(
        default="day", max_length=100, allow_blank=True, help_text=f"Comma-separated, any of: {GROUPS}."
    )
    timezone = Zone(default=UTC, help_text="In which hours, days, weeks and months begin.")
    key = serializers.UUIDField(required=False)
    member = serializers.UUIDField(required=False)
    model = serializers.CharField(max_length=100, required=False)
    dialect = serializers.ChoiceField(Door.choices, required=False)
    outcome = serializers.CharField(max_length=24, required=False)
    format = serializers.ChoiceField(FORMATS, default="json")

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), **RANGE()}


class TotalsShape(serializers.Serializer[Any]):
    """What a group comes to."""

    generations = serializers.IntegerField()
    images = serializers.IntegerField()
    tokens = serializers.IntegerField()
    cost_usd = Dollars(source="amount")
    average_seconds = serializers.FloatField(allow_null=True, help_text="From submit to the final state.")


class UsageLineShape(serializers.Serializer[Any]):
    """One group: null or empty is what was not grouped by, or is not known."""

    at = serializers.DateTimeField(allow_null=True)
    key = serializers.UUIDField(allow_null=True)
    member = serializers.UUIDField(allow_null=True)
    model = serializers.CharField()
    dialect = serializers.CharField()
    outcome = serializers.CharField()
    totals = TotalsShape()


class UsageShape(serializers.Serializer[Any]):
    """Usage in a range, widened to whole quarters of an hour."""

    timezone = serializers.CharField()
    data = UsageLineShape(many=True, source="lines")  # type: ignore[assignment]  # the field of that name
    totals = TotalsShape()

    def get_fields(self) -> dict[str, Any]:
        ends = {
            "from": serializers.DateTimeField(source="since"),
            "to": serializers.DateTimeField(source="until"),
        }
        return {**ends, **super().get_fields()}


class BudgetShape(serializers.Serializer[Any]):
    """A spending limit. What would pass it is refused with 402."""

    id = serializers.UUIDField()
    key_id = serializers.UUIDField(source="key", allow_null=True, help_text="null: the organization's.")
    period = serializers.ChoiceField(Budget.Period.choices)
    limit_usd = Dollars(source="limit")
    used_usd = Dollars(source="used", help_text="Charges and open holds of the present period.")
    left_usd = Dollars(source="left")
    resets_at = serializers.DateTimeField(allow_null=True)


class BudgetsShape(serializers.Serializer[Any]):
    """All budgets of the mode."""

    data = BudgetShape(many=True)  # type: ignore[assignment]  # the field of that name


class BudgetBody(Strict):
    key_id = serializers.UUIDField(allow_null=True, default=None, help_text="null: the organization's.")
    period = serializers.ChoiceField(Budget.Period.choices)
    limit_usd = DollarsBody(help_text="Above zero.")
