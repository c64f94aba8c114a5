"""A customer's pictures: those he named in an order, and those he keeps with us for later ones."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import ApiKey, Mode, TenantModel
from runtime.ids import uuid7


class Origin(models.TextChoices):
    """A promised upload has no bytes (0) until its file was PUT."""

    REFERENCE = "reference", "Named in an order"
    UPLOAD = "upload", "Uploaded"
    PROMISED = "promised", "Promised, then PUT"


class Input(TenantModel):
    """One picture as our decoder wrote it; its bytes live under `storage_key`, written once.

    A row is deleted first (`deleted_at`), its object after it; then `storage_key` is empty. `extension`
    is that of an upload's link, fixed when the link is told; `mime` is the true type.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mode = models.CharField(max_length=4, choices=Mode)
    key = models.ForeignKey(
        ApiKey, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, null=True, related_name="+"
    )
    origin = models.CharField(max_length=9, choices=Origin)
    name = models.CharField(max_length=200, blank=True)
    path = models.CharField(max_length=300, blank=True)
    extension = models.CharField(max_length=4)
    mime = models.CharField(max_length=20)
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    bytes = models.PositiveIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    storage_key = models.CharField(max_length=300, blank=True)
    epoch = models.PositiveSmallIntegerField(default=0, help_text="Raised to revoke every link made before.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["organization", "mode", "origin", "-id"], name="generations_input_list"),
            models.Index(
                fields=["expires_at"], name="generations_input_expiry", condition=Q(deleted_at__isnull=True)
            ),
            models.Index(
                fields=["storage_key"], name="generations_input_object", condition=~Q(storage_key="")
            ),
            models.Index(
                fields=["deleted_at"],
                name="generations_input_remains",
                condition=Q(deleted_at__isnull=False) & ~Q(storage_key=""),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "mode", "sha256"],
                name="generations_reference_once",
                condition=Q(origin="reference", deleted_at__isnull=True),
            ),
            models.CheckConstraint(
                condition=Q(origin="promised") | Q(bytes__gt=0), name="generations_input_has_bytes"
            ),
            models.CheckConstraint(
                condition=Q(bytes=0) | Q(deleted_at__isnull=False) | ~Q(storage_key=""),
                name="generations_input_has_object",
            ),
        ]
