"""How a generation moved, who called, and what was said: histories that are only ever added to."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from accounts.models import TenantModel
from generations.models.generation import Generation
from runtime.ids import uuid7
from runtime.tenancy import TenantManager


class Transition(TenantModel):
    """One change of a generation's state, written by a trigger: some bugs show only in history."""

    id = models.BigAutoField(primary_key=True)
    mode = models.CharField(max_length=4)
    generation = models.ForeignKey(
        Generation,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="transitions",
    )
    old_state = models.CharField(max_length=9, blank=True)
    new_state = models.CharField(max_length=9)
    old_attempt = models.PositiveIntegerField(null=True)
    new_attempt = models.PositiveIntegerField()
    ended_by = models.PositiveIntegerField(null=True)
    kind = models.CharField(max_length=24, blank=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["organization", "generation", "id"])]


class ApiRequest(models.Model):
    """One call to a door, also a refused one. `status` is null while it is being answered."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(db_default=Now(), editable=False)
    request_id = models.CharField(max_length=64)
    organization_id = models.UUIDField(null=True)
    mode = models.CharField(max_length=4, blank=True)
    key_id = models.UUIDField(null=True)
    member_id = models.UUIDField(null=True)
    door = models.CharField(max_length=10)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=300)
    status = models.PositiveSmallIntegerField(null=True)
    kind = models.CharField(max_length=24, blank=True)
    generation_id = models.UUIDField(null=True)
    replayed = models.BooleanField(default=False)
    milliseconds = models.PositiveIntegerField(null=True)
    bytes_in = models.PositiveIntegerField(default=0)
    bytes_out = models.PositiveIntegerField(default=0)
    ip = models.GenericIPAddressField(null=True)
    agent = models.CharField(max_length=200, blank=True)

    objects = TenantManager()

    class Meta:
        indexes = [
            models.Index(fields=["organization_id", "-at"]),
            models.Index(fields=["request_id"]),
            models.Index(fields=["generation_id"]),
            models.Index(fields=["-at"]),
            models.Index(fields=["ip", "-id"], name="generations_calls_from"),
        ]


class Transcript(TenantModel):
    """What a call said and what it was answered, without secrets and pictures; its id is the call's. Kept as
    long as its organization wants, so it is the one history that is also deleted from."""

    id = models.UUIDField(primary_key=True, editable=False)
    mode = models.CharField(max_length=4)
    at = models.DateTimeField(editable=False)
    sent = models.TextField(blank=True)
    answered = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["organization", "at"], name="generations_transcripts")]
