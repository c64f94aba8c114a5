"""Keys that operators suspend and restore, refused from the next request on; the audit trail of one thing."""

from django.db import migrations, models

# Another name than the function before it, which serves until the processes of the release before are gone.
OPEN_KEY = """
    CREATE FUNCTION accounts_open_key(p_digest bytea) RETURNS TABLE (
        id uuid, organization_id uuid, mode varchar, name varchar, home_door varchar, member_id uuid,
        public_id varchar, digest bytea, previous_digest bytea, previous_expires_at timestamptz,
        previous_used_at timestamptz, scopes varchar[], models_allowed varchar[], doors_allowed varchar[],
        networks varchar[], requests_per_minute int, concurrency int, expires_at timestamptz,
        revoked_at timestamptz, last_used_at timestamptz, organization_slug varchar, organization_name varchar,
        organization_state varchar, organization_requests_per_minute int, now timestamptz,
        suspended_at timestamptz
    ) LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM set_config('role', 'easel_web', true),
                set_config('easel.key_digest', encode(p_digest, 'hex'), true);
        RETURN QUERY
            SELECT k.id, k.organization_id, k.mode, k.name, k.home_door, k.member_id, k.public_id, k.digest,
                   k.previous_digest, k.previous_expires_at, k.previous_used_at, k.scopes, k.models_allowed,
                   k.doors_allowed, k.networks, k.requests_per_minute, k.concurrency, k.expires_at,
                   k.revoked_at, k.last_used_at, o.slug, o.name, o.state, o.requests_per_minute,
                   clock_timestamp(), k.suspended_at
            FROM accounts_apikey k JOIN accounts_organization o ON o.id = k.organization_id
            WHERE k.digest = p_digest OR k.previous_digest = p_digest;
    END $$
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_people")]

    operations = [
        migrations.AddField("apikey", "suspended_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField(
            "apikey", "suspended_reason", models.CharField(blank=True, db_default="", max_length=200)
        ),
        migrations.RunSQL([OPEN_KEY], migrations.RunSQL.noop),
        migrations.AddIndex(
            "auditevent", models.Index(fields=["object_id", "-id"], name="accounts_audit_of_object")
        ),
    ]
