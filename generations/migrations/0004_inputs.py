"""Customers' pictures: references and uploads. An upload's link opens its row before the tenant is known."""

import django.db.models.deletion
import django.db.models.functions.datetime
import runtime.ids
from django.db import migrations, models
from runtime.tenancy import OrganizationKey, TenantForeignKey, TenantTable

THE_LINK = (
    "id = (SELECT nullif(current_setting('easel.upload', true), '')::uuid) AND origin <> 'reference'"
)


class Migration(migrations.Migration):
    dependencies = [("generations", "0003_paths"), ("accounts", "0002_walls")]

    operations = [
        migrations.CreateModel(
            name='Input',
            fields=[
                ('id', models.UUIDField(default=runtime.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('mode', models.CharField(choices=[('live', 'Live'), ('test', 'Test')], max_length=4)),
                ('origin', models.CharField(choices=[('reference', 'Named in an order'), ('upload', 'Uploaded'), ('promised', 'Promised, then PUT')], max_length=9)),
                ('name', models.CharField(blank=True, max_length=200)),
                ('path', models.CharField(blank=True, max_length=300)),
                ('extension', models.CharField(max_length=4)),
                ('mime', models.CharField(max_length=20)),
                ('width', models.PositiveIntegerField(default=0)),
                ('height', models.PositiveIntegerField(default=0)),
                ('bytes', models.PositiveIntegerField(default=0)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('storage_key', models.CharField(blank=True, max_length=300)),
                ('epoch', models.PositiveSmallIntegerField(default=0, help_text='Raised to revoke every link made before.')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('expires_at', models.DateTimeField()),
                ('deleted_at', models.DateTimeField(null=True)),
                ('key', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.apikey')),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.organization')),
            ],
            options={
                'indexes': [
                    models.Index(fields=['organization', 'mode', 'origin', '-id'], name='generations_input_list'),
                    models.Index(condition=models.Q(('deleted_at__isnull', True)), fields=['expires_at'], name='generations_input_expiry'),
                    models.Index(condition=models.Q(('storage_key', ''), _negated=True), fields=['storage_key'], name='generations_input_object'),
                    models.Index(condition=models.Q(('deleted_at__isnull', False), models.Q(('storage_key', ''), _negated=True)), fields=['deleted_at'], name='generations_input_remains'),
                ],
                'constraints': [
                    models.UniqueConstraint(condition=models.Q(('deleted_at__isnull', True), ('origin', 'reference')), fields=('organization', 'mode', 'sha256'), name='generations_reference_once'),
                    models.CheckConstraint(condition=models.Q(('origin', 'promised'), ('bytes__gt', 0), _connector='OR'), name='generations_input_has_bytes'),
                    models.CheckConstraint(condition=models.Q(('bytes', 0), ('deleted_at__isnull', False), models.Q(('storage_key', ''), _negated=True), _connector='OR'), name='generations_input_has_object'),
                ],
            },
        ),
        TenantTable(
            "generations_input", worker="SELECT, UPDATE (deleted_at, storage_key)", opened_by=THE_LINK, target=False
        ),
        OrganizationKey("generations_input"),
        TenantForeignKey("generations_input", "key_id", "accounts_apikey"),
    ]
