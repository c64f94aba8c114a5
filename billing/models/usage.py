"""Where the tokens went. Amounts in nano-dollars."""

from __future__ import annotations

from django.db import models

from accounts.models import Mode, TenantModel


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
