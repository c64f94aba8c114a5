"""Teams report bad images; a refund of the generation answers them, whoever made it and from where."""

import django.db.models.deletion
import django.db.models.functions.datetime
import runtime.ids
from django.db import migrations, models
from django.db.models import Q
from runtime.tenancy import OrganizationKey, TenantForeignKey, TenantTable

STATES = [("open", "Waiting"), ("refunded", "Refunded"), ("declined", "Kept")]
ANSWERED_BY_REFUNDS = """
    CREATE FUNCTION generations_answer_contest() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE generations_contest
        SET state = 'refunded', answer = left(NEW.reason, 500), decided_by = left(NEW.actor, 200),
            decided_at = NEW.created_at
        WHERE organization_id = NEW.organization_id AND generation_id = NEW.generation_id AND state = 'open';
        RETURN NULL;
    END $$;
    CREATE TRIGGER answer_contest AFTER INSERT ON billing_entry
        FOR EACH ROW WHEN (NEW.kind = 'refund') EXECUTE FUNCTION generations_answer_contest();
"""


def pointer(to):
    return models.ForeignKey(
        db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING,
        related_name="+", to=to,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("generations", "0011_transcripts"),
        ("billing", "0006_operators"),
        ("accounts", "0009_suspended_keys"),
    ]

    operations = [
        migrations.CreateModel(
            name="Contest",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=runtime.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("mode", models.CharField(choices=[("live", "Live"), ("test", "Test")], max_length=4)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("state", models.CharField(choices=STATES, default="open", max_length=8)),
                (
                    "asked_by",
                    models.CharField(help_text="Who asked, readable after he is gone.", max_length=200),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("answer", models.CharField(blank=True, max_length=500)),
                ("decided_by", models.CharField(blank=True, max_length=200)),
                ("decided_at", models.DateTimeField(null=True)),
                ("generation", pointer("generations.generation")),
                ("organization", pointer("accounts.organization")),
            ],
            options={
                "indexes": [
                    models.Index(fields=["id"], name="generations_contests_open", condition=Q(state="open"))
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["organization", "generation"], name="generations_contest_once"
                    ),
                    models.CheckConstraint(
                        condition=Q(state="open", decided_at=None)
                        | (~Q(state="open") & Q(decided_at__isnull=False)),
                        name="generations_contest_decided",
                    ),
                ],
            },
        ),
        TenantTable("generations_contest", target=False),
        OrganizationKey("generations_contest"),
        TenantForeignKey("generations_contest", "generation_id", "generations_generation"),
        migrations.RunSQL(
            [ANSWERED_BY_REFUNDS],
            [
                "DROP TRIGGER answer_contest ON billing_entry",
                "DROP FUNCTION generations_answer_contest()",
            ],
        ),
    ]
