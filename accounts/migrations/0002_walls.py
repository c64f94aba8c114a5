"""Row-level security and grants of the accounts tables."""

from django.db import migrations
from runtime.tenancy import AppendOnly, OrganizationKey, SharedTable, TenantTable

BY_KEY = (
    "current_setting('easel.key_digest', true) <> '' AND id IN (SELECT organization_id FROM accounts_apikey)"
)
BY_USER = (
    "current_setting('easel.user', true) <> '' AND id IN (SELECT organization_id FROM accounts_membership)"
)
KEY_IN_HAND = (
    "digest = decode(nullif(current_setting('easel.key_digest', true), ''), 'hex')"
    " OR previous_digest = decode(nullif(current_setting('easel.key_digest', true), ''), 'hex')"
)
OWN_MEMBERSHIP = "user_id = (SELECT nullif(current_setting('easel.user', true), '')::uuid)"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        SharedTable("accounts_user", web="S", operator="S", audit="S"),
        TenantTable("accounts_apikey", opened_by=KEY_IN_HAND),
        TenantTable("accounts_membership", web="SIUD", opened_by=OWN_MEMBERSHIP),
        TenantTable(
            "accounts_organization",
            column="id",
            target=False,
            opened_by=f"({BY_KEY}) OR ({BY_USER})",
        ),
        TenantTable("accounts_auditevent", web="SI", worker="I", target=False),
        TenantTable("accounts_ratewindow", target=False),
        TenantTable("accounts_outboxmessage", web="SI", worker="SU"),
        OrganizationKey("accounts_apikey"),
        OrganizationKey("accounts_membership"),
        AppendOnly("accounts_auditevent"),
        # What concerns no organization (a price, an operator) is noted by operators and the login.
        migrations.RunSQL(
            "GRANT INSERT ON accounts_auditevent TO easel, easel_operator;"
            "GRANT SELECT (id, at) ON accounts_auditevent TO easel;"
            "CREATE POLICY login ON accounts_auditevent FOR INSERT TO easel, easel_operator"
            " WITH CHECK (organization_id IS NULL);"
            "CREATE POLICY returned ON accounts_auditevent FOR SELECT TO easel USING (organization_id IS NULL)",
            migrations.RunSQL.noop,
        ),
    ]
