"""Requests per network address, where nobody shows a key."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_webhooks")]

    operations = [
        migrations.CreateModel(
            name="AddressWindow",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("address", models.GenericIPAddressField(unique=True)),
                ("minute", models.BigIntegerField(help_text="Unix minute of the count.")),
                ("count", models.IntegerField(default=0)),
            ],
        ),
        migrations.RunSQL(["ALTER TABLE accounts_addresswindow SET (fillfactor = 70)"], migrations.RunSQL.noop),
    ]
