"""Indexes over all organizations, for operators: entries that people made, and usage by time alone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0005_alerts")]

    operations = [
        migrations.AddIndex(
            "entry",
            models.Index(
                condition=models.Q(("kind__in", ["grant", "refund", "adjust"])),
                fields=["kind", "-id"],
                name="billing_entry_by_hand",
            ),
        ),
        migrations.AddIndex("usage", models.Index(fields=["mode", "quarter"], name="billing_usage_time")),
    ]
