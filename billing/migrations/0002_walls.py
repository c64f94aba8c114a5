"""Row-level security, grants and append-only triggers of the money tables."""

from django.db import migrations
from runtime.tenancy import AppendOnly, OrganizationKey, SharedTable, TenantTable


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial"), ("accounts", "0002_walls")]

    operations = [
        SharedTable("billing_price", web="S", worker="S", operator="SI", audit="S"),
        SharedTable("billing_seal", operator="S", audit="S"),
        TenantTable("billing_wallet", target=False),
        TenantTable("billing_entry", web="SI", target=False),
        TenantTable("billing_budget", web="SIUD", target=False),
        TenantTable("billing_usage", target=False),
        OrganizationKey("billing_wallet"),
        AppendOnly("billing_entry"),
        AppendOnly("billing_price"),
        AppendOnly("billing_seal"),
        # Rows that change with every request stay on their page.
        migrations.RunSQL("ALTER TABLE billing_wallet SET (fillfactor = 70)", migrations.RunSQL.noop),
    ]
