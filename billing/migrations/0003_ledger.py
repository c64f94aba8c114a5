"""The ledger's transfers as SQL functions."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql" / "0003_ledger.sql"


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_walls"), ("accounts", "0003_admission")]
    operations = [migrations.RunSQL([SQL.read_text()], migrations.RunSQL.noop)]
