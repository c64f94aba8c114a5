"""Prices, wallets, and the entries that wallets are the projection of. Money is in nano-dollars (bigint)."""

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
            # What people did: few beside the work, and looked for among it.
            models.Index(
                fields=["organization", "mode", "id"],
                name="billing_entry_by_people",
                condition=Q(kind__in=["grant", "refund", "adjust"]),
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
