"""A final generation writes its messages in the transaction that ends it."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql" / "0006_final_events.sql"


class Migration(migrations.Migration):
    dependencies = [("generations", "0005_channels"), ("accounts", "0006_webhooks")]
    operations = [migrations.RunSQL([SQL.read_text()], migrations.RunSQL.noop)]
