"""What channels remember of their upstream, and what attempts remember of their calls."""

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).parent / "sql" / "0005_attempts.sql"
NOTHING, EMPTY = models.Value({}, models.JSONField()), models.Value([], models.JSONField())


class Migration(migrations.Migration):
    dependencies = [("generations", "0004_inputs")]
    operations = [
        migrations.AlterField(
            "channel",
            "concurrency",
            models.PositiveIntegerField(
                null=True, blank=True, help_text="Calls at once of each process. Empty: any number."
            ),
        ),
        migrations.AddField(
            "channel",
            "options",
            models.JSONField(default=dict, db_default=NOTHING, blank=True, help_text="Words for the engine."),
        ),
        migrations.AddField(
            "channelmodel",
            "input_cost",
            models.BigIntegerField(null=True, blank=True, help_text="Nano-dollars per token of input."),
        ),
        migrations.AddField(
            "channelmodel",
            "text_cost",
            models.BigIntegerField(null=True, blank=True, help_text="The same for words and thoughts."),
        ),
        migrations.AddField(
            "channelmodel",
            "image_cost",
            models.BigIntegerField(null=True, blank=True, help_text="The same for pictures that come."),
        ),
        migrations.AddField("channelmodel", "opened_at", models.DateTimeField(null=True, editable=False)),
        migrations.AddField("channelmodel", "probed_at", models.DateTimeField(null=True, editable=False)),
        migrations.AddField("attempt", "calls", models.JSONField(default=list, db_default=EMPTY)),
        migrations.AddField("attempt", "provider_cost", models.BigIntegerField(null=True)),
        migrations.AddIndex(
            "generation",
            models.Index(
                fields=["key", "-finished_at"],
                name="generations_texts_of_key",
                condition=models.Q(kind="no_image"),
            ),
        ),
        migrations.RunSQL([SQL.read_text()], migrations.RunSQL.noop),
    ]
