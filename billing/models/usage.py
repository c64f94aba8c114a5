"""Where the tokens went, by the quarter of an hour and by the hour. Amounts in nano-dollars."""

from __future__ import annotations

from typing import Final

from django.db import models

from accounts.models import Mode, TenantModel

FACTS: Final = ("key_id", "member_id", "model", "dialect", "outcome")


class RollUp(TenantModel):
    """Generations that ended in a span of time, of one key, member, model, dialect and outcome."""

    id = models.BigAutoField(primary_key=True)
    mode = models.CharField(max_length=4, choices=Mode)
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
        abstract = True


class Usage(RollUp):
    """What a quarter of an hour brought.

    Quarters, because days of India and Nepal cannot be built from UTC hours. Written in the
    finishing transaction, so that charts equal the ledger.
    """

    quarter = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["organization", "mode", "quarter"]),
            models.Index(fields=["mode", "quarter"], name="billing_usage_time"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "mode", "quarter", *FACTS],
                name="billing_usage_once",
                nulls_distinct=False,
            ),
        ]


class UsageHour(RollUp):
    """What an hour (UTC) brought: the sum of its quarters, made once when it was over, so that a chart of
    months need not go through each."""

    hour = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["organization", "mode", "hour"], name="billing_usagehour_of"),
            models.Index(fields=["hour"], name="billing_usagehour_time"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "mode", "hour", *FACTS],
                name="billing_usagehour_once",
                nulls_distinct=False,
            ),
        ]
