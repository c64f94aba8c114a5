"""Endpoints that are told what happened, and every try to tell them."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import runtime.ids
from django.conf import settings
from django.db import migrations, models
from runtime.tenancy import OrganizationKey, TenantForeignKey, TenantTable

EVENTS = [
    ("generation.succeeded", "A generation succeeded"),
    ("generation.failed", "A generation failed"),
    ("generation.cancelled", "A generation was cancelled"),
    ("balance.low", "The balance is low"),
    ("key.revoked", "A key was revoked"),
    ("key.rotated", "A key was rotated"),
    ("endpoint.disabled", "An endpoint was disabled"),
]
REASONS = [("by_hand", "By hand"), ("gone", "It answered 410"), ("failing", "It failed for five days")]
MODES = [("live", "Live"), ("test", "Test")]

# Ids are ordered by time here too: those of Python come from `runtime.ids.uuid7`.
MESSAGE_ID = """
    CREATE FUNCTION accounts_message_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
        SELECT encode(set_bit(set_bit(overlay(
            uuid_send(gen_random_uuid())
            PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
            FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
    $$
"""
# The host of a URL that was judged before it was stored.
HOST = """
    CREATE FUNCTION accounts_host(p_url text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
        SELECT left(coalesce(lower(substring(p_url FROM '^[a-z]+://(\\[[^\\]]*\\]|[^/:?#]+)')), ''), 255)
    $$
"""


def identifier():
    return models.UUIDField(default=runtime.ids.uuid7, editable=False, primary_key=True, serialize=False)


def organization():
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name="+",
        to="accounts.organization",
    )


def made_at():
    return models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)


def signed():
    return [
        ("id", identifier()),
        ("organization", organization()),
        ("mode", models.CharField(choices=MODES, max_length=4)),
        ("secret", models.TextField()),
        ("last_four", models.CharField(max_length=4)),
        ("previous_secret", models.TextField(blank=True)),
        ("previous_until", models.DateTimeField(null=True)),
        ("created_at", made_at()),
    ]


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_one_arbiter")]

    operations = [
        migrations.CreateModel(
            name="WebhookEndpoint",
            fields=[
                *signed(),
                ("url", models.CharField(max_length=2048)),
                ("host", models.CharField(max_length=255)),
                ("description", models.CharField(blank=True, max_length=200)),
                (
                    "events",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(choices=EVENTS, max_length=40), size=None
                    ),
                ),
                ("enabled", models.BooleanField(default=True)),
                ("disabled_at", models.DateTimeField(null=True)),
                ("disabled_reason", models.CharField(blank=True, choices=REASONS, max_length=10)),
                ("failing_since", models.DateTimeField(null=True)),
                ("removed_at", models.DateTimeField(null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["organization", "mode"], name="accounts_endpoint_mode")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(disabled_at__isnull=True, enabled=True)
                        | models.Q(disabled_at__isnull=False, enabled=False),
                        name="accounts_endpoint_disabled_since",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(removed_at__isnull=True) | models.Q(enabled=False),
                        name="accounts_endpoint_removed_is_off",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CallbackSecret",
            fields=signed(),
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "mode"), name="accounts_callbacksecret_once"
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="InboxItem",
            fields=[
                ("id", identifier()),
                ("organization", organization()),
                ("at", made_at()),
                ("method", models.CharField(max_length=10)),
                ("headers", models.JSONField(default=dict)),
                ("body", models.BinaryField()),
                ("signature", models.CharField(help_text="What the verifier said of it.", max_length=20)),
            ],
            options={
                "indexes": [models.Index(fields=["organization", "-id"], name="accounts_inbox_newest")],
            },
        ),
        migrations.AddField("outboxmessage", "host", models.CharField(db_default="", max_length=255)),
        migrations.AddField("outboxmessage", "sends", models.PositiveIntegerField(db_default=0)),
        migrations.AddField("outboxmessage", "rendered_at", models.DateTimeField(null=True)),
        migrations.AddField("outboxmessage", "claimed_at", models.DateTimeField(null=True)),
        migrations.AddField("outboxmessage", "replayed_at", models.DateTimeField(null=True)),
        migrations.AddField("outboxmessage", "sandbox_status", models.PositiveSmallIntegerField(null=True)),
        migrations.AddField(
            "outboxmessage",
            "endpoint",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="messages",
                to="accounts.webhookendpoint",
            ),
        ),
        # One message for an order's own URL, and one for each endpoint that listens.
        migrations.RemoveConstraint("outboxmessage", "accounts_outbox_once"),
        migrations.AddConstraint(
            "outboxmessage",
            models.UniqueConstraint(
                condition=models.Q(endpoint__isnull=True),
                fields=("generation_id", "event"),
                name="accounts_outbox_once",
            ),
        ),
        migrations.AddConstraint(
            "outboxmessage",
            models.UniqueConstraint(
                condition=models.Q(endpoint__isnull=False),
                fields=("generation_id", "event", "endpoint"),
                name="accounts_outbox_once_each",
            ),
        ),
        migrations.AddIndex(
            "outboxmessage",
            models.Index(
                condition=models.Q(state="pending"),
                fields=["organization", "host", "next_at"],
                name="accounts_outbox_turn",
            ),
        ),
        migrations.AddIndex(
            "outboxmessage",
            models.Index(
                condition=models.Q(claimed_at__isnull=False),
                fields=["claimed_at"],
                name="accounts_outbox_claimed",
            ),
        ),
        migrations.AddIndex(
            "outboxmessage",
            models.Index(fields=["organization", "endpoint", "-created_at"], name="accounts_outbox_log"),
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", identifier()),
                ("organization", organization()),
                ("mode", models.CharField(choices=MODES, max_length=4)),
                (
                    "message",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="deliveries",
                        to="accounts.outboxmessage",
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField()),
                ("url", models.CharField(max_length=2048)),
                ("headers", models.JSONField(default=dict)),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("milliseconds", models.PositiveIntegerField()),
                ("response", models.BinaryField()),
                ("error", models.CharField(blank=True, max_length=20)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["organization", "-started_at"], name="accounts_delivery_log")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "message", "number"), name="accounts_delivery_once"
                    )
                ],
            },
        ),
        TenantTable("accounts_webhookendpoint"),
        TenantTable("accounts_callbacksecret", web="SIUD", target=False),
        TenantTable("accounts_inboxitem", web="SID", target=False),
        TenantTable("accounts_delivery", web="SI", target=False),
        OrganizationKey("accounts_webhookendpoint"),
        OrganizationKey("accounts_callbacksecret"),
        OrganizationKey("accounts_inboxitem"),
        TenantForeignKey("accounts_outboxmessage", "endpoint_id", "accounts_webhookendpoint"),
        TenantForeignKey("accounts_delivery", "message_id", "accounts_outboxmessage"),
        migrations.RunSQL(["GRANT UPDATE ON accounts_outboxmessage TO easel_web"], migrations.RunSQL.noop),
        migrations.RunSQL([MESSAGE_ID], migrations.RunSQL.noop),
        migrations.RunSQL([HOST], migrations.RunSQL.noop),
    ]
