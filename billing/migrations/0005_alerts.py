"""Lines below which a team is told of its balance, requests for credit, soft alerts of budgets; and charges
that carry the moment they are counted at."""

from pathlib import Path

import django.db.models.deletion
import django.db.models.functions.datetime
import runtime.ids
from django.db import migrations, models
from django.db.models import Q
from runtime.tenancy import OrganizationKey, TenantTable

SQL = Path(__file__).parent / "sql" / "0005_alerts.sql"
MODES = [("live", "Live"), ("test", "Test")]
STATES = [("open", "Waiting"), ("granted", "Granted"), ("declined", "Declined"), ("withdrawn", "Withdrawn")]
ORGANIZATION = models.ForeignKey(
    db_constraint=False,
    db_index=False,
    on_delete=django.db.models.deletion.DO_NOTHING,
    related_name="+",
    to="accounts.organization",
)


def identifier():
    return models.UUIDField(default=runtime.ids.uuid7, editable=False, primary_key=True, serialize=False)


def created_at():
    return models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_webhooks"), ("billing", "0004_budgets")]

    operations = [
        migrations.CreateModel(
            name="BalanceAlert",
            fields=[
                ("id", identifier()),
                ("mode", models.CharField(choices=MODES, max_length=4)),
                ("threshold", models.BigIntegerField(help_text="Nano-dollars.")),
                ("lowest", models.BigIntegerField(null=True)),
                ("told_at", models.DateTimeField(null=True)),
                ("created_at", created_at()),
                ("organization", ORGANIZATION),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["organization", "mode"], name="billing_balancealert_once"),
                    models.CheckConstraint(condition=Q(threshold__gt=0), name="billing_balancealert_positive"),
                ],
            },
        ),
        migrations.CreateModel(
            name="CreditRequest",
            fields=[
                ("id", identifier()),
                ("mode", models.CharField(choices=MODES, max_length=4)),
                ("amount", models.BigIntegerField(help_text="Nano-dollars, as they were asked for.")),
                ("note", models.CharField(blank=True, max_length=500)),
                ("state", models.CharField(choices=STATES, default="open", max_length=9)),
                (
                    "requested_by",
                    models.CharField(help_text="Who asked, readable after he is gone.", max_length=200),
                ),
                ("created_at", created_at()),
                ("granted", models.BigIntegerField(help_text="Nano-dollars, as they were given.", null=True)),
                ("answer", models.CharField(blank=True, max_length=500)),
                ("answered_by", models.CharField(blank=True, max_length=200)),
                ("answered_at", models.DateTimeField(null=True)),
                ("organization", ORGANIZATION.clone()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["organization", "mode", "-id"], name="billing_creditrequests")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["organization", "mode"],
                        condition=Q(state="open"),
                        name="billing_creditrequest_open_once",
                    ),
                    models.CheckConstraint(condition=Q(amount__gt=0), name="billing_creditrequest_positive"),
                    models.CheckConstraint(
                        condition=Q(state="open", answered_at=None)
                        | (~Q(state="open") & Q(answered_at__isnull=False)),
                        name="billing_creditrequest_answered",
                    ),
                    models.CheckConstraint(
                        condition=Q(state="granted", granted__gt=0) | (~Q(state="granted") & Q(granted=None)),
                        name="billing_creditrequest_granted",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="budget", name="alert_percent", field=models.PositiveSmallIntegerField(null=True)
        ),
        migrations.AddField(
            model_name="budget", name="alerted_window", field=models.DateTimeField(null=True)
        ),
        migrations.AddConstraint(
            model_name="budget",
            constraint=models.CheckConstraint(
                condition=Q(alert_percent=None) | Q(alert_percent__range=(1, 99)),
                name="billing_budget_alert_within",
            ),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(
                fields=["organization", "mode", "created_at"],
                include=["kind", "debit", "amount", "tokens"],
                condition=Q(kind__in=["grant", "settle", "refund", "adjust"]),
                name="billing_entry_statements",
            ),
        ),
        migrations.RunSQL([SQL.read_text()], migrations.RunSQL.noop),
        TenantTable("billing_balancealert", web="SIUD", worker="S", target=False),
        TenantTable("billing_creditrequest", target=False),
        OrganizationKey("billing_balancealert"),
        OrganizationKey("billing_creditrequest"),
    ]
