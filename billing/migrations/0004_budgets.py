"""A budget is lowered by what it counted only, and belongs to a key of its own organization."""

from pathlib import Path

from django.db import migrations
from runtime.tenancy import TenantForeignKey

SQL = Path(__file__).parent / "sql" / "0004_budgets.sql"


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_ledger"), ("accounts", "0005_one_arbiter")]
    operations = [
        migrations.RunSQL([SQL.read_text()], migrations.RunSQL.noop),
        TenantForeignKey("billing_budget", "key_id", "accounts_apikey"),
    ]
