"""Who is asking, and what may they do: users, organizations, members, keys, and their traces."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower, Now

from runtime.ids import uuid7
from runtime.tenancy import TenantManager


class Mode(models.TextChoices):
    """Live keys spend real credit; test keys draw sandbox pictures from a wallet that refills."""

    LIVE = "live", "Live"
    TEST = "test", "Test"


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    DEVELOPER = "developer", "Developer"
    BILLING = "billing", "Billing"
    VIEWER = "viewer", "Viewer"


class Door(models.TextChoices):
    EVOLINK = "evolink", "EvoLink"
    OPENAI = "openai", "OpenAI"
    TOAPIS = "toapis", "ToAPIs"
    GEMINI = "gemini", "Gemini"
    GMI = "gmi", "GMI Cloud"


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A user with a lower-cased address. Without a password he cannot log in."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. Logs in by e-mail; belongs to organizations through memberships."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False, help_text="May open the operators' admin.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="accounts_user_email_any_case")]

    def __str__(self) -> str:
        return self.email

    def get_short_name(self) -> str:
        return self.name or self.email.partition("@")[0]


class Organization(models.Model):
    """A team: the tenant that owns keys, generations and money."""

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        SUSPENDED = "suspended", "Suspended"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(
        max_length=60,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9-]*$", "Use lower-case letters, digits and hyphens.")],
    )
    name = models.CharField(max_length=120)
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    suspended_reason = models.CharField(max_length=500, blank=True)
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="Empty: the platform's."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = TenantManager()
    tenant_column = "id"

    def __str__(self) -> str:
        return self.name


class TenantModel(models.Model):
    """The base of every row that belongs to an organization.

    The foreign key has no single-column constraint: PostgreSQL checks those without row-level
    security. `TenantForeignKey` in the migrations ties rows within their tenant instead.
    """

    organization = models.ForeignKey(
        Organization, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    objects = TenantManager()

    class Meta:
        abstract = True


class Membership(TenantModel):
    """A user's role in an organization."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="accounts_membership_once")
        ]


class ApiKey(TenantModel):
    """A key of an organization. The secret is shown once; only its HMAC is stored.

    `public_id` is the part of the key that may be shown. `digest` is HMAC-SHA256 of the whole key
    under pepper number `pepper`. After a rotation the previous secret works until
    `previous_expires_at`. Empty lists of scopes, models, doors and networks mean: no restriction.
    `member` is set on personal keys, which end with his membership.
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
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_ip = models.GenericIPAddressField(null=True, blank=True)
    last_used_agent = models.CharField(max_length=200, blank=True)
    previous_used_at = models.DateTimeField(null=True, blank=True)

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
        ]


class RateWindow(TenantModel):
    """Requests of one key, or of a whole organization (`subject` is its id), in one minute."""

    id = models.BigAutoField(primary_key=True)
    subject = models.UUIDField(unique=True)
    minute = models.BigIntegerField(help_text="Unix minute of the count.")
    count = models.IntegerField(default=0)


class OutboxMessage(TenantModel):
    """A message that must leave the house, written in the transaction that made it true."""

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        DELIVERED = "delivered", "Delivered"
        DEAD = "dead", "Gave up"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mode = models.CharField(max_length=4, choices=Mode)
    event = models.CharField(max_length=40)
    generation_id = models.UUIDField(null=True)
    url = models.URLField(max_length=2048, blank=True)
    body = models.BinaryField()
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    claims = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(db_default=Now())
    claimed_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [models.Index(fields=["next_at"], name="accounts_outbox_due", condition=Q(state="pending"))]
        constraints = [
            models.UniqueConstraint(fields=["generation_id", "event"], name="accounts_outbox_once"),
        ]
