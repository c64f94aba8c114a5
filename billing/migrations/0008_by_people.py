"""Statements go by folios now: of single entries they look only for what people did."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False  # a populated ledger goes on being written
    dependencies = [("billing", "0007_folios")]

    operations = [
        AddIndexConcurrently(
            "entry",
            models.Index(
                fields=["organization", "mode", "id"],
                name="billing_entry_by_people",
                condition=Q(kind__in=["grant", "refund", "adjust"]),
            ),
        ),
        RemoveIndexConcurrently("entry", "billing_entry_statements"),
    ]
