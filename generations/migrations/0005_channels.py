"""What channels remember of their upstream."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("generations", "0004_inputs")]
    operations = []
