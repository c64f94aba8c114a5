"""A final generation writes its messages in the transaction that ends it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("generations", "0005_channels")]
    operations = []
