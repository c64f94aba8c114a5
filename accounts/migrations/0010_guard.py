"""Keys that the leak guard froze, and that their team lets be; from where an old secret is still used."""

import django.contrib.postgres.fields
from django.db import migrations, models

EVENTS = [
    ("generation.succeeded", "A generation succeeded"),
    ("generation.failed", "A generation failed"),
    ("generation.cancelled", "A generation was cancelled"),
    ("balance.low", "The balance is low"),
    ("key.revoked", "A key was revoked"),
    ("key.rotated", "A key was rotated"),
    ("key.frozen", "A key was frozen for unusual use"),
    ("endpoint.disabled", "An endpoint was disabled"),
]


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_suspended_keys")]

    operations = [
        migrations.AddField("apikey", "suspended_by_guard", models.BooleanField(db_default=False, default=False)),
        migrations.AddField("apikey", "unguarded_until", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("apikey", "previous_used_ip", models.GenericIPAddressField(blank=True, null=True)),
        migrations.AddField(
            "apikey", "previous_used_agent", models.CharField(blank=True, db_default="", max_length=200)
        ),
        migrations.AlterField(
            "webhookendpoint",
            "events",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(choices=EVENTS, max_length=40), size=None
            ),
        ),
    ]
