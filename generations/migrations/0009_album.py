"""The pictures that are kept, newest first: what the page of images leafs through."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("generations", "0008_retention")]

    operations = [
        migrations.AddIndex(
            "output",
            models.Index(
                condition=models.Q(("deleted_at__isnull", True)),
                fields=["organization", "mode", "-generation", "number"],
                name="generations_output_album",
            ),
        ),
    ]
