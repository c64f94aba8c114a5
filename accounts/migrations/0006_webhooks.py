"""Endpoints that are told what happened, and every try to tell them."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_one_arbiter")]
    operations = []
