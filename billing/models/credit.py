"""What teams ask the operators for. In nano-dollars."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Mode, TenantModel
from runtime.ids import uuid7


class CreditRequest(TenantModel):
    """A team asks the operators for credit: answered once, with a reason that the team reads."""

    class State(models.TextChoices):
        OPEN = "open", "Waiting"
        GRANTED = "granted", "Granted"
        DECLINED = "declined", "Declined"
        WITHDRAWN = "withdrawn", "Withdrawn"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mode = models.CharField(max_length=4, choices=Mode)
    amount = models.BigIntegerField(help_text="Nano-dollars, as they were asked for.")
    note = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)
    requested_by = models.CharField(max_length=200, help_text="Who asked, readable after he is gone.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    granted = models.BigIntegerField(null=True, help_text="Nano-dollars, as they were given.")
    answer = models.CharField(max_length=500, blank=True)
    answered_by = models.CharField(max_length=200, blank=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["organization", "mode", "-id"], name="billing_creditrequests")]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "mode"],
                condition=Q(state="open"),
                name="billing_creditrequest_open_once",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="billing_creditrequest_positive"),
            models.CheckConstraint(
                condition=Q(state="open", answered_at=None)
                | (~Q(state="open") & Q(answered_at__isnull=False)),
                name="billing_creditrequest_answered",
            ),
            models.CheckConstraint(
                condition=Q(state="granted", granted__gt=0) | (~Q(state="granted") & Q(granted=None)),
                name="billing_creditrequest_granted",
            ),
        ]
