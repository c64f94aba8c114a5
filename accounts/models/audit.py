"""The trail of who changed what."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from runtime.tenancy import TenantManager


class AuditEvent(models.Model):
    """Who changed what. No foreign keys: a trace must not die with what it describes.

    Append-only by grants and by triggers. `before` and `after` hold only the changed fields,
    without secrets.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_default=Now(), editable=False)
    organization_id = models.UUIDField(null=True)
    actor_type = models.CharField(max_length=20)
    actor_id = models.CharField(max_length=40, blank=True)
    actor_label = models.CharField(max_length=200, blank=True)
    ip = models.GenericIPAddressField(null=True)
    agent = models.CharField(max_length=200, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    action = models.CharField(max_length=60)
    object_type = models.CharField(max_length=40, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    object_label = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    objects = TenantManager()

    class Meta:
        indexes = [
            models.Index(fields=["organization_id", "-id"]),
            models.Index(fields=["action", "-id"]),
            models.Index(fields=["object_id", "-id"], name="accounts_audit_of_object"),
        ]
