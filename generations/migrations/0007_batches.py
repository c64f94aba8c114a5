"""Many orders in one file."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("generations", "0006_final_events")]
    operations = []
