"""Many orders in one file: which they are, and what became of each."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import ApiKey, Mode, TenantModel
from generations.models.generation import Generation
from runtime.ids import uuid7


class Batch(TenantModel):
    """A file of orders, paid for by a key. Its state follows from its items: nothing is stored twice.

    `fed_at` is when the last of its items had become a generation or had ended otherwise.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mode = models.CharField(max_length=4, choices=Mode)
    name = models.CharField(max_length=120, blank=True)
    key = models.ForeignKey(
        ApiKey, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    request_id = models.CharField(max_length=64, blank=True)
    size = models.PositiveIntegerField(help_text="How many items it has.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    deadline_at = models.DateTimeField(help_text="What is not done by then is given up.")
    cancelled_at = models.DateTimeField(null=True)
    fed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["organization", "mode", "-id"], name="generations_batches"),
            models.Index(fields=["id"], name="generations_batch_hungry", condition=Q(fed_at=None)),
        ]


class BatchItem(TenantModel):
    """One line of the file. `body` is what its door would be sent, at `path` below the door; without a
    door it is a neutral order. While it waits it has no generation; a refused one never gets one."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SUBMITTED = "submitted", "Submitted"
        REFUSED = "refused", "Refused"
        CANCELLED = "cancelled", "Cancelled"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mode = models.CharField(max_length=4, choices=Mode)
    batch = models.ForeignKey(
        Batch, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="items"
    )
    number = models.PositiveIntegerField(help_text="Its line, from 1.")
    custom_id = models.CharField(max_length=100)
    dialect = models.CharField(max_length=10, blank=True)
    path = models.CharField(max_length=300, blank=True)
    body = models.JSONField()
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    kind = models.CharField(max_length=24, blank=True)
    message = models.CharField(max_length=500, blank=True)
    generation = models.ForeignKey(
        Generation,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        related_name="+",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "batch", "number"], name="generations_batchitem_once"
            ),
            models.UniqueConstraint(
                fields=["organization", "batch", "custom_id"], name="generations_batchitem_named"
            ),
            models.CheckConstraint(
                condition=Q(state="submitted", generation__isnull=False)
                | (~Q(state="submitted") & Q(generation__isnull=True)),
                name="generations_batchitem_submitted_iff_generation",
            ),
        ]
