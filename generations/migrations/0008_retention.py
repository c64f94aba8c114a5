"""Images are kept as long as their organization says: each output knows until when."""

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).parent / "sql" / "0008_retention.sql"


class Migration(migrations.Migration):
    dependencies = [("generations", "0007_batches"), ("accounts", "0008_people")]

    operations = [
        migrations.AddField("output", "expires_at", models.DateTimeField(null=True)),
        migrations.AddIndex(
            "output",
            models.Index(
                condition=models.Q(("deleted_at__isnull", True)),
                fields=["expires_at"],
                name="generations_output_expiry",
            ),
        ),
        migrations.RunSQL([SQL.read_text()], migrations.RunSQL.noop),
        migrations.RunSQL(
            ["GRANT UPDATE (deleted_at) ON generations_output TO easel_worker"], migrations.RunSQL.noop
        ),
    ]
