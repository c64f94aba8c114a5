"""What a team says of images that should not have been charged."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Mode, TenantModel
from generations.models.generation import Generation
from runtime.ids import uuid7


class Contest(TenantModel):
    """A team reports the images of a generation as bad: once, and answered once. Any refund of the
    generation answers it, by a trigger; else an operator says why it stays charged."""

    class State(models.TextChoices):
        OPEN = "open", "Waiting"
        REFUNDED = "refunded", "Refunded"
        DECLINED = "declined", "Kept"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mode = models.CharField(max_length=4, choices=Mode)
    generation = models.ForeignKey(
        Generation, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    reason = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    asked_by = models.CharField(max_length=200, help_text="Who asked, readable after he is gone.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    answer = models.CharField(max_length=500, blank=True)
    decided_by = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["id"], name="generations_contests_open", condition=Q(state="open"))]
        constraints = [
            models.UniqueConstraint(fields=["organization", "generation"], name="generations_contest_once"),
            models.CheckConstraint(
                condition=Q(state="open", decided_at=None) | (~Q(state="open") & Q(decided_at__isnull=False)),
                name="generations_contest_decided",
            ),
        ]
