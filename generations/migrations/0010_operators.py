"""What operators look at: roll-ups of hours and days over the whole platform, indexes over all organizations,
and rows of the catalogue that they may take away again."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q
from runtime.tenancy import OrganizationKey, SharedTable, TenantTable

STEPS, MODES = [("hour", "Hour"), ("day", "Day")], [("live", "Live"), ("test", "Test")]


def step():
    return models.CharField(choices=STEPS, max_length=4)


def mode():
    return models.CharField(choices=MODES, max_length=4)


class Migration(migrations.Migration):
    dependencies = [("generations", "0009_album"), ("accounts", "0008_people")]

    operations = [
        migrations.CreateModel(
            name="Pulse",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("step", step()),
                ("at", models.DateTimeField()),
                ("mode", mode()),
                ("model", models.CharField(max_length=100)),
                ("dialect", models.CharField(max_length=10)),
                ("outcome", models.CharField(help_text="`succeeded`, or the kind of the failure.", max_length=24)),
                ("generations", models.BigIntegerField()),
                ("images", models.BigIntegerField()),
                ("tokens", models.BigIntegerField()),
                ("amount", models.BigIntegerField()),
                ("milliseconds", models.BigIntegerField()),
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
                "indexes": [models.Index(fields=["step", "mode", "at"], name="generations_pulse_time")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "step", "at", "mode", "model", "dialect", "outcome"),
                        name="generations_pulse_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Pace",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("step", step()),
                ("at", models.DateTimeField()),
                ("mode", mode()),
                ("about", models.CharField(choices=[("dialect", "Door"), ("provider", "Provider")], max_length=8)),
                ("name", models.CharField(max_length=20)),
                (
                    "counts",
                    django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("step", "mode", "at", "about", "name"), name="generations_pace_once"
                    )
                ],
            },
        ),
        TenantTable("generations_pulse", web="S", worker="SIU", target=False),
        OrganizationKey("generations_pulse"),
        SharedTable("generations_pace", worker="SIU", operator="S", audit="S"),
        # A name that a door no longer knows, a model that a channel no longer serves.
        SharedTable("generations_modelname", operator="D"),
        SharedTable("generations_channelmodel", operator="D"),
        migrations.AddIndex(
            "generation",
            models.Index(
                condition=Q(("finished_at__isnull", False)), fields=["finished_at"], name="generations_finished"
            ),
        ),
        migrations.AddIndex(
            "generation",
            models.Index(
                condition=Q(("state__in", ["failed", "cancelled"])),
                fields=["state", "-id"],
                name="generations_unfortunate",
            ),
        ),
        migrations.AddIndex(
            "generation",
            models.Index(
                condition=Q(("kind", ""), _negated=True), fields=["kind", "-id"], name="generations_of_kind"
            ),
        ),
        migrations.AddIndex(
            "attempt", models.Index(fields=["-generation", "-number"], name="generations_attempt_newest")
        ),
        migrations.AddIndex(
            "output", models.Index(fields=["-generation", "-number"], name="generations_output_newest")
        ),
        migrations.AddIndex("output", models.Index(fields=["sha256"], name="generations_output_hash")),
        migrations.AddIndex("apirequest", models.Index(fields=["ip", "-id"], name="generations_calls_from")),
    ]
