"""What calls said and were answered, for as long as their organization wants."""

import django.db.models.deletion
from django.db import migrations, models
from runtime.tenancy import OrganizationKey, TenantTable


class Migration(migrations.Migration):
    dependencies = [("generations", "0010_operators"), ("accounts", "0009_suspended_keys")]

    operations = [
        migrations.CreateModel(
            name="Transcript",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("mode", models.CharField(max_length=4)),
                ("at", models.DateTimeField(editable=False)),
                ("sent", models.TextField(blank=True)),
                ("answered", models.TextField(blank=True)),
                (
                    "organization",
                    models.ForeignKey(
                        db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+", to="accounts.organization",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["organization", "at"], name="generations_transcripts")],
            },
        ),
        TenantTable("generations_transcript", web="S", worker="SID", target=False),
        OrganizationKey("generations_transcript"),
        # Whoever writes and deletes them asks each organization how long it keeps them.
        migrations.RunSQL(
            ["GRANT SELECT (id, body_retention_hours) ON accounts_organization TO easel_worker"],
            migrations.RunSQL.noop,
        ),
    ]
