"""The keys of an organization, and how often they asked."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models.people import Door, Mode, TenantModel, User
from runtime.ids import uuid7


class ApiKey(TenantModel):
    """A key of an organization. The secret is shown once; only its HMAC is stored.

    `public_id` is the part of the key that may be shown. `digest` is HMAC-SHA256 of the whole key
    under pepper number `pepper`. After a rotation the previous secret works until
    `previous_expires_at`. Empty lists of scopes, models, doors and networks mean: no restriction.
    `member` is set on personal keys, which end with his membership. Operators suspend a key and restore
    it; so does the leak guard, and then its team may restore it, after which the guard lets it be until
    `unguarded_until`. Whoever revokes a key ends it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mode = models.CharField(max_length=4, choices=Mode)
    name = models.CharField(max_length=120)
    home_door = models.CharField(max_length=10, choices=Door, default=Door.OPENAI)
    member = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    public_id = models.CharField(max_length=10, unique=True)
    last_four = models.CharField(max_length=4)
    digest = models.BinaryField(max_length=32, unique=True)
    pepper = models.PositiveSmallIntegerField(default=1)
    previous_digest = models.BinaryField(max_length=32, null=True, unique=True)
    previous_expires_at = models.DateTimeField(null=True, blank=True)
    scopes = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    models_allowed = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    doors_allowed = ArrayField(models.CharField(max_length=10), default=list, blank=True)
    networks = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    concurrency = models.PositiveIntegerField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_reason = models.CharField(max_length=200, blank=True)
    suspended_at = models.DateTimeField(null=True, blank=True)
    suspended_reason = models.CharField(max_length=200, blank=True, db_default="")
    suspended_by_guard = models.BooleanField(default=False, db_default=False)
    unguarded_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_ip = models.GenericIPAddressField(null=True, blank=True)
    last_used_agent = models.CharField(max_length=200, blank=True)
    previous_used_at = models.DateTimeField(null=True, blank=True)
    previous_used_ip = models.GenericIPAddressField(null=True, blank=True)
    previous_used_agent = models.CharField(max_length=200, blank=True, db_default="")

    class Meta:
        indexes = [models.Index(fields=["organization", "created_at"])]
        constraints = [
            models.CheckConstraint(
                condition=Q(previous_digest__isnull=True) | Q(previous_expires_at__isnull=False),
                name="accounts_apikey_rotation_ends",
            ),
            models.CheckConstraint(
                condition=Q(previous_digest__isnull=True) | ~Q(previous_digest=F("digest")),
                name="accounts_apikey_rotation_changes",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…{self.last_four})"

    @property
    def prefix(self) -> str:
        return f"easel_{self.mode}_{self.public_id}"


class RateWindow(TenantModel):
    """Requests of one key, or of a whole organization (`subject` is its id), in one minute."""

    id = models.BigAutoField(primary_key=True)
    subject = models.UUIDField(unique=True)
    minute = models.BigIntegerField(help_text="Unix minute of the count.")
    count = models.IntegerField(default=0)


class AddressWindow(models.Model):
    """Requests from one network address in one minute, at what is open to people without a key."""

    id = models.BigAutoField(primary_key=True)
    address = models.GenericIPAddressField(unique=True)
    minute = models.BigIntegerField(help_text="Unix minute of the count.")
    count = models.IntegerField(default=0)
