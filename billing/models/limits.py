"""How much may be spent, and below which balance somebody is told. In nano-dollars."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Mode, TenantModel
from runtime.ids import uuid7


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
