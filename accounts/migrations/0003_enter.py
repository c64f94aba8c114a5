"""`easel_enter`: a tenant's scope from inside one statement, for the hot functions."""

from django.db import migrations

ENTER = """
    CREATE FUNCTION easel_enter(organization uuid) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM set_config('role', 'easel_web', true),
                set_config('easel.organization', organization::text, true);
    END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_walls")]
    operations = [migrations.RunSQL(ENTER, "DROP FUNCTION easel_enter(uuid)")]
