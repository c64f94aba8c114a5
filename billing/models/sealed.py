"""What is closed for ever: full pages of a ledger, and the seals over all rows."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from accounts.models import Mode, TenantModel


class Folio(TenantModel):
    """A full page of an organization's ledger: 256 of its sealed entries in one mode, one after the
    other, with what they come to. Never changed, since what is sealed is not; only followed by another.

    `carried` is the available balance after the last of them. Charges are summed here, so that a statement
    need not go through each; grants, refunds and adjustments are few and have an index.
    """

    id = models.BigAutoField(primary_key=True)
    mode = models.CharField(max_length=4, choices=Mode)
    first_entry = models.BigIntegerField(help_text="The id of its first entry.")
    last_entry = models.BigIntegerField()
    earliest = models.DateTimeField(help_text="Of all its entries: ids are given out in another order.")
    latest = models.DateTimeField()
    charges = models.IntegerField(help_text="How many of its entries are charges.")
    tokens = models.BigIntegerField(help_text="What they charged.")
    charged = models.BigIntegerField(help_text="Nano-dollars.")
    carried = models.BigIntegerField(help_text="Nano-dollars.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "mode", "last_entry"], name="billing_folio_once"),
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
