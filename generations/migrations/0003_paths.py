"""Submit and finish as SQL functions: one round trip each."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql" / "0003_paths.sql"


class Migration(migrations.Migration):
    dependencies = [("generations", "0002_walls"), ("billing", "0003_ledger")]
    operations = [migrations.RunSQL([SQL.read_text()], migrations.RunSQL.noop)]
