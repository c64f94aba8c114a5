"""People who sign up by themselves, and what they set for their teams: invitations, second factors, retention,
ends of sessions, guesses at passwords, and the shared cache that limits are counted in."""

import django.db.models.deletion
import django.db.models.functions.datetime
import runtime.ids
from django.conf import settings
from django.db import migrations, models
from runtime.tenancy import OrganizationKey, SharedTable, TenantTable

ROLES = [
    ("owner", "Owner"),
    ("admin", "Admin"),
    ("developer", "Developer"),
    ("billing", "Billing"),
    ("viewer", "Viewer"),
]
TOKEN_IN_HAND = "digest = decode(nullif(current_setting('easel.invitation', true), ''), 'hex')"
# As `manage.py createcachetable` makes it.
CACHE = """
    CREATE TABLE accounts_cache (cache_key varchar(255) PRIMARY KEY, value text NOT NULL,
                                 expires timestamptz NOT NULL);
    CREATE INDEX accounts_cache_expires ON accounts_cache (expires)
"""
# Whoever has a login was given it by an operator, who vouches for the address.
VOUCHED = """
    INSERT INTO account_emailaddress (email, verified, "primary", user_id)
    SELECT lower(email), true, true, id FROM accounts_user u
    WHERE NOT EXISTS (SELECT 1 FROM account_emailaddress e WHERE e.user_id = u.id)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_addresses"),
        ("account", "0009_emailaddress_unique_primary_email"),
    ]

    operations = [
        migrations.AddField(
            "organization",
            "require_two_factors",
            models.BooleanField(
                db_default=False,
                default=False,
                help_text="Members without a second factor see none of its pages.",
            ),
        ),
        migrations.AddField(
            "organization",
            "image_retention_hours",
            models.PositiveIntegerField(
                blank=True,
                help_text="How long images are kept. Empty: as long as the platform keeps them.",
                null=True,
            ),
        ),
        migrations.AddField(
            "organization",
            "body_retention_hours",
            models.PositiveIntegerField(
                blank=True,
                help_text="How long bodies of requests are kept; 0: not at all. Empty: the platform's.",
                null=True,
            ),
        ),
        migrations.AddField(
            "user",
            "session_epoch",
            models.PositiveIntegerField(
                db_default=0,
                default=0,
                editable=False,
                help_text="Raised to end every session begun before.",
            ),
        ),
        migrations.CreateModel(
            name="Guesses",
            fields=[
                ("subject", models.BinaryField(max_length=32, primary_key=True, serialize=False)),
                ("failures", models.PositiveIntegerField()),
                ("at", models.DateTimeField(db_index=True)),
                ("blocked_until", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=runtime.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("email", models.EmailField(max_length=254)),
                ("role", models.CharField(choices=ROLES, max_length=10)),
                ("digest", models.BinaryField(max_length=32, unique=True)),
                (
                    "inviter",
                    models.CharField(
                        help_text="Readable after the one who invited is gone.", max_length=200
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("sent_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("accepted_at", models.DateTimeField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                (
                    "invited_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
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
                "indexes": [models.Index(fields=["organization", "-id"], name="accounts_invitations")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("accepted_at", None), ("revoked_at", None)),
                        fields=("organization", "email"),
                        name="accounts_invitation_open_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("accepted_at", None), ("revoked_at", None), _connector="OR"),
                        name="accounts_invitation_ends_once",
                    ),
                ],
            },
        ),
        TenantTable("accounts_invitation", opened_by=TOKEN_IN_HAND, target=False),
        OrganizationKey("accounts_invitation"),
        SharedTable("accounts_user", web="UPDATE (session_epoch)"),
        migrations.RunSQL([CACHE], migrations.RunSQL.noop),
        migrations.RunSQL([VOUCHED], migrations.RunSQL.noop),
    ]
