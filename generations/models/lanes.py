"""Whose turn it is, and who is alive."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import Mode, TenantModel
from runtime.ids import uuid7


class Lane(TenantModel):
    """An organization's place in the queue, per mode.

    Claiming takes the lane with the lowest `turn` and moves it on by taken / weight, so that each
    busy organization gets its share. `served` is where its last turn began: the highest of all is the
    time of the queue, at which a lane that was idle begins. `cap` is how many may run at once.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mode = models.CharField(max_length=4, choices=Mode)
    weight = models.FloatField(default=1.0)
    cap = models.PositiveIntegerField(default=1000)
    turn = models.FloatField(default=0.0, db_column="pass")
    served = models.FloatField(default=0.0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "mode"], name="generations_lane_once"),
            models.CheckConstraint(condition=Q(weight__gt=0), name="generations_lane_weight_positive"),
        ]


class Beat(models.Model):
    """The last sign of life of a cluster by one of its two voices: a canary that came through the
    queue, or a drain. `draining` tells its loops to take no more."""

    id = models.BigAutoField(primary_key=True)
    cluster = models.CharField(max_length=60)
    kind = models.CharField(max_length=10)
    process = models.CharField(max_length=80)
    at = models.DateTimeField()
    draining = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cluster", "kind", "process"], name="generations_beat_once")
        ]
