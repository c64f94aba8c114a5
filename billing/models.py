"""What it costs and where the tokens went. All money is in nano-dollars (bigint)."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import Mode, TenantModel
from runtime.ids import uuid7


class Price(models.Model):
    """The price of one token of a model from a moment on. Never changed, only followed by another."""

    id = models.BigAutoField(primary_key=True)
    model = models.CharField(max_length=100)
    unit_price = models.BigIntegerField(help_text="Nano-dollars per token.")
    effective_from = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["model", "effective_from"], name="billing_price_once"),
            models.CheckConstraint(condition=Q(unit_price__gt=0), name="billing_price_positive"),
        ]


class Wallet(TenantModel):
    """The prepaid balance of an organization in one mode: a projection of its entries.

    `posted` is all credit that was not spent, `held` the part that running work has reserved.
    Always the last row a transaction touches, so that a hot organization waits shortest.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mode = models.CharField(max_length=4, choices=Mode)
    posted = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "mode"], name="billing_wallet_once"),
            models.CheckConstraint(condition=Q(held__gte=0), name="billing_wallet_held_positive"),
            models.CheckConstraint(condition=Q(posted__gte=F("held")), name="billing_wallet_covers_held"),
        ]

    @property
    def available(self) -> int:
        return self.posted - self.held


class Entry(TenantModel):
    """One immutable transfer between two accounts. Written by `ledger` only."""

    class Kind(models.TextChoices):
        GRANT = "grant", "Credit granted"
        HOLD = "hold", "Reserved"
        SETTLE = "settle", "Charged"
        RELEASE = "release", "Released"
        REFUND = "refund", "Refunded"
        ADJUST = "adjust", "Adjusted"

    class Account(models.TextChoices):
        PREPAID = "prepaid", "Prepaid balance"
        HELD = "held", "Reserved"
        REVENUE = "revenue", "Revenue"
        FUNDING = "funding", "Funding"
        ADJUSTMENT = "adjustment", "Adjustments"

    id = models.BigAutoField(primary_key=True)
    mode = models.CharField(max_length=4, choices=Mode)
    kind = models.CharField(max_length=8, choices=Kind)
    debit = models.CharField(max_length=10, choices=Account)
    credit = models.CharField(max_length=10, choices=Account)
    amount = models.BigIntegerField(help_text="Nano-dollars, always positive.")
    tokens = models.BigIntegerField(null=True)
    unit_price = models.BigIntegerField(null=True)
    generation_id = models.UUIDField(null=True)
    reference = models.CharField(max_length=200, help_text="The idempotency key of this transfer.")
    reason = models.CharField(max_length=500, blank=True)
    actor = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["organization", "mode", "-id"]),
            # What a statement is made of; holds come and go within it and are not its business.
            models.Index(
                fields=["organization", "mode", "created_at"],
                include=["kind", "debit", "amount", "tokens"],
                condition=Q(kind__in=["grant", "settle", "refund", "adjust"]),
                name="billing_entry_statements",
            ),
            # Of all organizations together, for operators.
            models.Index(
                fields=["kind", "-id"],
                name="billing_entry_by_hand",
                condition=Q(kind__in=["grant", "refund", "adjust"]),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "kind", "reference"], name="billing_entry_reference_once"
            ),
            models.UniqueConstraint(
                fields=["generation_id", "kind"],
                condition=Q(kind__in=["hold", "settle", "release"]),
                name="billing_entry_generation_once",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="billing_entry_positive"),
            models.CheckConstraint(
                condition=Q(amount=F("tokens") * F("unit_price"))
                | Q(tokens__isnull=True, unit_price__isnull=True),
                name="billing_entry_tokens_times_price",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["grant", "adjust"], generation_id__isnull=True)
                | Q(kind__in=["hold", "settle", "release", "refund"], generation_id__isnull=False),
                name="billing_entry_has_its_source",
            ),
            models.CheckConstraint(
                condition=Q(kind="grant", debit="funding", credit="prepaid")
                | Q(kind="hold", debit="prepaid", credit="held")
                | Q(kind="settle", debit="held", credit="revenue")
                | Q(kind="release", debit="held", credit="prepaid")
                | Q(kind="refund", debit="revenue", credit="prepaid")
                | Q(kind="adjust", debit="prepaid", credit="adjustment")
                | Q(kind="adjust", debit="adjustment", credit="prepaid"),
                name="billing_entry_accounts_of_kind",
            ),
        ]


class Budget(TenantModel):
    """A spending limit of a key or (without one) of the whole organization, per period (UTC).

    `used` counts charges and open holds of the period that began at `window`. From `alert_percent` of the
    limit on its people are told, once a period: `alerted_window` is the one they were last told of.
    """

    class Period(models.TextChoices):
        DAY = "day", "Day"
        WEEK = "week", "Week"
        MONTH = "month", "Month"
        TOTAL = "total", "Total"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mode = models.CharField(max_length=4, choices=Mode)
    key_id = models.UUIDField(null=True)
    period = models.CharField(max_length=5, choices=Period)
    limit = models.BigIntegerField(help_text="Nano-dollars.")
    used = models.BigIntegerField(default=0)
    window = models.DateTimeField(help_text="Beginning of the period that `used` counts.")
    alert_percent = models.PositiveSmallIntegerField(null=True)
    alerted_window = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "mode", "key_id", "period"],
                name="billing_budget_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(condition=Q(used__gte=0), name="billing_budget_used_positive"),
            models.CheckConstraint(condition=Q(limit__gt=0), name="billing_budget_limit_positive"),
            models.CheckConstraint(
                condition=Q(alert_percent=None) | Q(alert_percent__range=(1, 99)),
                name="billing_budget_alert_within",
            ),
        ]


class BalanceAlert(TenantModel):
    """A line: when what is available falls below it, the organization is told, once.

    `lowest` is the least that was posted since that was told; None while nothing is to be told. It is told
    again after credit came in and carried the balance over the line: work that holds credit and gives it
    back does not cross it anew.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mode = models.CharField(max_length=4, choices=Mode)
    threshold = models.BigIntegerField(help_text="Nano-dollars.")
    lowest = models.BigIntegerField(null=True)
    told_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "mode"], name="billing_balancealert_once"),
            models.CheckConstraint(condition=Q(threshold__gt=0), name="billing_balancealert_positive"),
        ]


class CreditRequest(TenantModel):
    """A team asks the operators for credit: answered once, with a reason that the team reads."""

    class State(models.TextChoices):
        OPEN = "open", "Waiting"
        GRANTED = "granted", "Granted"
        DECLINED = "declined", "Declined"
        WITHDRAWN = "withdrawn", "Withdrawn"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mode = models.CharField(max_length=4, choices=Mode)
    amount = models.BigIntegerField(help_text="Nano-dollars, as they were asked for.")
    note = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)
    requested_by = models.CharField(max_length=200, help_text="Who asked, readable after he is gone.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    granted = models.BigIntegerField(null=True, help_text="Nano-dollars, as they were given.")
    answer = models.CharField(max_length=500, blank=True)
    answered_by = models.CharField(max_length=200, blank=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["organization", "mode", "-id"], name="billing_creditrequests")]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "mode"],
                condition=Q(state="open"),
                name="billing_creditrequest_open_once",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="billing_creditrequest_positive"),
            models.CheckConstraint(
                condition=Q(state="open", answered_at=None)
                | (~Q(state="open") & Q(answered_at__isnull=False)),
                name="billing_creditrequest_answered",
            ),
            models.CheckConstraint(
                condition=Q(state="granted", granted__gt=0) | (~Q(state="granted") & Q(granted=None)),
                name="billing_creditrequest_granted",
            ),
        ]


class Usage(TenantModel):
    """What a quarter of an hour brought, per key, member, model, dialect and outcome.

    Quarters, because days of India and Nepal cannot be built from UTC hours. Written in the
    finishing transaction, so that charts equal the ledger.
    """

    id = models.BigAutoField(primary_key=True)
    mode = models.CharField(max_length=4, choices=Mode)
    quarter = models.DateTimeField()
    key_id = models.UUIDField(null=True)
    member_id = models.UUIDField(null=True)
    model = models.CharField(max_length=100)
    dialect = models.CharField(max_length=10)
    outcome = models.CharField(max_length=24, help_text="`succeeded`, or the kind of the failure.")
    generations = models.BigIntegerField(default=0)
    images = models.BigIntegerField(default=0)
    tokens = models.BigIntegerField(default=0)
    amount = models.BigIntegerField(default=0)
    milliseconds = models.BigIntegerField(default=0, help_text="Sum of submit-to-final times.")

    class Meta:
        indexes = [
            models.Index(fields=["organization", "mode", "quarter"]),
            models.Index(fields=["mode", "quarter"], name="billing_usage_time"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "organization",
                    "mode",
                    "quarter",
                    "key_id",
                    "member_id",
                    "model",
                    "dialect",
                    "outcome",
                ],
                name="billing_usage_once",
                nulls_distinct=False,
            ),
        ]


class Seal(models.Model):
    """A closed range of an append-only table, chained and signed with a key outside the database."""

    id = models.BigAutoField(primary_key=True)
    table = models.CharField(max_length=40)
    first_id = models.BigIntegerField()
    last_id = models.BigIntegerField()
    count = models.BigIntegerField()
    digest = models.BinaryField(max_length=32, help_text="SHA-256 of the canonical rows.")
    previous = models.BinaryField(max_length=32, help_text="Signature of the seal before, or zeros.")
    signature = models.BinaryField(max_length=32, help_text="HMAC over all of the above.")
    sealed_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["table", "last_id"], name="billing_seal_once")]
