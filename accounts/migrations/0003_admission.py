"""What every request does first, as SQL functions: find the key, count the request."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql" / "0003_admission.sql"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_walls")]
    operations = [migrations.RunSQL([SQL.read_text()], migrations.RunSQL.noop)]
