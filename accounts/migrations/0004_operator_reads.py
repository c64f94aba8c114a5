"""What the operators' admin reads beside the tenants' rows: who holds which operator's role, and
Django's own register of models. The user's row itself was granted with the walls."""

from django.db import migrations
from runtime.tenancy import SharedTable


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_admission"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        SharedTable("auth_group", operator="S"),
        SharedTable("accounts_user_groups", operator="S"),
        SharedTable("django_content_type", operator="S"),
    ]
