"""Many orders in one file; and the indexes by which an organization looks back at its generations."""

import django.db.models.deletion
import django.db.models.functions.datetime
import runtime.ids
from django.db import migrations, models
from runtime.tenancy import OrganizationKey, TenantForeignKey, TenantTable


def identifier():
    return models.UUIDField(default=runtime.ids.uuid7, editable=False, primary_key=True, serialize=False)


def mode():
    return models.CharField(choices=[('live', 'Live'), ('test', 'Test')], max_length=4)


def pointer(to, **more):
    return models.ForeignKey(
        db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, to=to,
        **{'related_name': '+', **more},
    )


class Migration(migrations.Migration):
    dependencies = [("generations", "0006_final_events"), ("accounts", "0006_webhooks")]

    operations = [
        migrations.CreateModel(
            name='Batch',
            fields=[
                ('id', identifier()),
                ('mode', mode()),
                ('name', models.CharField(blank=True, max_length=120)),
                ('request_id', models.CharField(blank=True, max_length=64)),
                ('size', models.PositiveIntegerField(help_text='How many items it has.')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('deadline_at', models.DateTimeField(help_text='What is not done by then is given up.')),
                ('cancelled_at', models.DateTimeField(null=True)),
                ('fed_at', models.DateTimeField(null=True)),
                ('key', pointer('accounts.apikey')),
                ('organization', pointer('accounts.organization')),
            ],
            options={
                'indexes': [
                    models.Index(fields=['organization', 'mode', '-id'], name='generations_batches'),
                    models.Index(condition=models.Q(('fed_at', None)), fields=['id'], name='generations_batch_hungry'),
                ],
            },
        ),
        migrations.CreateModel(
            name='BatchItem',
            fields=[
                ('id', identifier()),
                ('mode', mode()),
                ('number', models.PositiveIntegerField(help_text='Its line, from 1.')),
                ('custom_id', models.CharField(max_length=100)),
                ('dialect', models.CharField(blank=True, max_length=10)),
                ('path', models.CharField(blank=True, max_length=300)),
                ('body', models.JSONField()),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('submitted', 'Submitted'), ('refused', 'Refused'), ('cancelled', 'Cancelled')], default='waiting', max_length=9)),
                ('kind', models.CharField(blank=True, max_length=24)),
                ('message', models.CharField(blank=True, max_length=500)),
                ('batch', pointer('generations.batch', related_name='items')),
                ('generation', pointer('generations.generation', null=True)),
                ('organization', pointer('accounts.organization')),
            ],
            options={
                'constraints': [
                    models.UniqueConstraint(fields=('organization', 'batch', 'number'), name='generations_batchitem_once'),
                    models.UniqueConstraint(fields=('organization', 'batch', 'custom_id'), name='generations_batchitem_named'),
                    models.CheckConstraint(condition=models.Q(models.Q(('generation__isnull', False), ('state', 'submitted')), models.Q(models.Q(('state', 'submitted'), _negated=True), ('generation__isnull', True)), _connector='OR'), name='generations_batchitem_submitted_iff_generation'),
                ],
            },
        ),
        TenantTable("generations_batch", worker="S"),
        TenantTable("generations_batchitem", target=False),
        OrganizationKey("generations_batch"),
        TenantForeignKey("generations_batch", "key_id", "accounts_apikey"),
        TenantForeignKey("generations_batchitem", "batch_id", "generations_batch"),
        TenantForeignKey("generations_batchitem", "generation_id", "generations_generation"),
        migrations.AddIndex(
            model_name='generation',
            index=models.Index(fields=['organization', 'mode', 'key', '-id'], name='generations_of_key'),
        ),
        migrations.AddIndex(
            model_name='generation',
            index=models.Index(condition=models.Q(('state__in', ['failed', 'cancelled'])), fields=['organization', 'mode', 'state', '-id'], name='generations_not_delivered'),
        ),
    ]
