"""Customers' pictures: references and uploads."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("generations", "0003_paths")]
    operations = []
