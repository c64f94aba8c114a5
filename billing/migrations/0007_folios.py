"""Full pages of each organization's ledger, with what they come to."""

import django.db.models.deletion
from django.db import migrations, models
from runtime.tenancy import AppendOnly, OrganizationKey, TenantTable


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_guard"), ("billing", "0006_operators")]

    operations = [
        migrations.CreateModel(
            name="Folio",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("mode", models.CharField(choices=[("live", "Live"), ("test", "Test")], max_length=4)),
                ("first_entry", models.BigIntegerField(help_text="The id of its first entry.")),
                ("last_entry", models.BigIntegerField()),
                (
                    "earliest",
                    models.DateTimeField(help_text="Of all its entries: ids are given out in another order."),
                ),
                ("latest", models.DateTimeField()),
                ("charges", models.IntegerField(help_text="How many of its entries are charges.")),
                ("tokens", models.BigIntegerField(help_text="What they charged.")),
                ("charged", models.BigIntegerField(help_text="Nano-dollars.")),
                ("carried", models.BigIntegerField(help_text="Nano-dollars.")),
                (
                    "organization",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["organization", "mode", "last_entry"], name="billing_folio_once"
                    ),
                ],
            },
        ),
        TenantTable("billing_folio", web="SI", target=False),
        OrganizationKey("billing_folio"),
        AppendOnly("billing_folio"),
    ]
