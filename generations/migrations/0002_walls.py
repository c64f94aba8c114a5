"""Row-level security, grants, ties within a tenant, and the trigger that notes transitions."""

from django.db import migrations
from runtime.tenancy import AppendOnly, OrganizationKey, SharedTable, TenantForeignKey, TenantTable

NOTE_TRANSITION = """
    CREATE FUNCTION generations_note_transition() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO generations_transition (organization_id, mode, generation_id, old_state, new_state,
                                            old_attempt, new_attempt, ended_by, kind, at)
        VALUES (NEW.organization_id, NEW.mode, NEW.id,
                CASE WHEN TG_OP = 'UPDATE' THEN OLD.state ELSE '' END, NEW.state,
                CASE WHEN TG_OP = 'UPDATE' THEN OLD.attempt END, NEW.attempt, NEW.ended_by, NEW.kind,
                clock_timestamp());
        RETURN NULL;
    END $$;
    CREATE TRIGGER note_made AFTER INSERT ON generations_generation
        FOR EACH ROW EXECUTE FUNCTION generations_note_transition();
    CREATE TRIGGER note_moved AFTER UPDATE OF state ON generations_generation
        FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
        EXECUTE FUNCTION generations_note_transition();
"""
THE_LINK = "generation_id = (SELECT nullif(current_setting('easel.generation', true), '')::uuid)"
CATALOGUE = ("model", "modelname", "modelsize", "dialect", "dialectmodel", "channel", "channelmodel")


class Migration(migrations.Migration):
    dependencies = [
        ("generations", "0001_initial"),
        ("accounts", "0002_walls"),
        ("billing", "0002_walls"),
        ("django_q", "0018_task_success_index"),
    ]

    operations = [
        *(
            SharedTable(f"generations_{name}", web="S", worker="S", operator="SIU", audit="S")
            for name in CATALOGUE
        ),
        SharedTable("generations_beat", web="S", worker="S", operator="S"),
        SharedTable("django_q_ormq", web="SI", worker="SI", operator="S"),
        TenantTable("generations_generation", worker="SU"),
        TenantTable("generations_attempt", worker="SI", target=False),
        TenantTable("generations_output", worker="S", opened_by=THE_LINK, target=False),
        TenantTable("generations_idempotencyrecord", web="SIUD", worker="S", target=False),
        TenantTable("generations_lane", worker="SU", target=False),
        TenantTable("generations_transition", web="SI", worker="SI", target=False),
        TenantTable("generations_apirequest", worker="SU", history="I", target=False),
        OrganizationKey("generations_lane"),
        TenantForeignKey("generations_generation", "key_id", "accounts_apikey"),
        TenantForeignKey("generations_attempt", "generation_id", "generations_generation"),
        TenantForeignKey("generations_output", "generation_id", "generations_generation"),
        # Written before its generation, so that a twin waits here and not at the wallet.
        TenantForeignKey(
            "generations_idempotencyrecord", "generation_id", "generations_generation", deferred=True
        ),
        TenantForeignKey("generations_transition", "generation_id", "generations_generation"),
        TenantForeignKey("billing_entry", "generation_id", "generations_generation"),
        migrations.RunSQL(NOTE_TRANSITION, migrations.RunSQL.noop),
        AppendOnly("generations_transition"),
        migrations.RunSQL(
            "ALTER TABLE generations_lane SET (fillfactor = 70);"
            "ALTER TABLE generations_generation SET (fillfactor = 80);"
            "ALTER TABLE accounts_ratewindow SET (fillfactor = 70);"
            "ALTER TABLE generations_beat SET (fillfactor = 50)",
            migrations.RunSQL.noop,
        ),
    ]
