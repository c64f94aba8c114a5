"""Hours of usage, made of their quarters when they are over."""

import django.db.models.deletion
from django.db import migrations, models
from runtime.tenancy import AppendOnly, OrganizationKey, SharedTable, TenantTable

FACTS = ("key_id", "member_id", "model", "dialect", "outcome")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_guard"), ("billing", "0008_by_people")]

    operations = [
        migrations.CreateModel(
            name="UsageHour",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("mode", models.CharField(choices=[("live", "Live"), ("test", "Test")], max_length=4)),
                ("key_id", models.UUIDField(null=True)),
                ("member_id", models.UUIDField(null=True)),
                ("model", models.CharField(max_length=100)),
                ("dialect", models.CharField(max_length=10)),
                (
                    "outcome",
                    models.CharField(help_text="`succeeded`, or the kind of the failure.", max_length=24),
                ),
                ("generations", models.BigIntegerField(default=0)),
                ("images", models.BigIntegerField(default=0)),
                ("tokens", models.BigIntegerField(default=0)),
                ("amount", models.BigIntegerField(default=0)),
                (
                    "milliseconds",
                    models.BigIntegerField(default=0, help_text="Sum of submit-to-final times."),
                ),
                ("hour", models.DateTimeField()),
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
                "indexes": [
                    models.Index(fields=["organization", "mode", "hour"], name="billing_usagehour_of"),
                    models.Index(fields=["hour"], name="billing_usagehour_time"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["organization", "mode", "hour", *FACTS],
                        name="billing_usagehour_once",
                        nulls_distinct=False,
                    ),
                ],
            },
        ),
        TenantTable("billing_usagehour", web="S", worker="SI", target=False),
        OrganizationKey("billing_usagehour"),
        AppendOnly("billing_usagehour"),
        SharedTable("billing_usage", worker="S"),  # the janitor adds its quarters up
    ]
