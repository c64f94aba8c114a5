"""A rate window had two unique indexes that say the same. `ON CONFLICT` waits for its own index only:
when two requests were the first of a key in the same instant, the other index could refuse one."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_operator_reads")]

    operations = [migrations.RemoveConstraint("ratewindow", "accounts_ratewindow_once")]
