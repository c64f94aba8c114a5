"""Users, organizations, members: who may ask, and as what."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.apps import apps
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Lower, Now
from django.utils.crypto import salted_hmac

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
        """A user with a lower-cased address, for which whoever calls this vouches: it needs no
        verification. Without a password he cannot log in."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        with transaction.atomic():
            user.save(using=self._db)
            addresses = apps.get_model("account", "EmailAddress")  # allauth's, which needs ours first
            addresses._default_manager.create(user=user, email=user.email, primary=True, verified=True)
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
    session_epoch = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="Raised to end every session begun before."
    )
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

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """What a session must match: as Django's, and the epoch with it."""
        salt = "accounts.models.User.session"
        return salted_hmac(
            salt, f"{self.password}:{self.session_epoch}", secret=secret, algorithm="sha256"
        ).hexdigest()


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
    require_two_factors = models.BooleanField(
        default=False, db_default=False, help_text="Members without a second factor see none of its pages."
    )
    image_retention_hours = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="How long images are kept. Empty: as long as the platform keeps them.",
    )
    body_retention_hours = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="How long bodies of requests are kept; 0: not at all. Empty: the platform's.",
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


class Invitation(TenantModel):
    """A place in an organization, for whoever reads the mail of this address. The token is in that mail
    only; here is its digest. It is open until it is accepted or revoked, or its time is over."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField()
    role = models.CharField(max_length=10, choices=Role)
    digest = models.BinaryField(max_length=32, unique=True)
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    inviter = models.CharField(max_length=200, help_text="Readable after the one who invited is gone.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "email"],
                name="accounts_invitation_open_once",
                condition=Q(accepted_at=None, revoked_at=None),
            ),
            models.CheckConstraint(
                condition=Q(accepted_at=None) | Q(revoked_at=None), name="accounts_invitation_ends_once"
            ),
        ]
        indexes = [models.Index(fields=["organization", "-id"], name="accounts_invitations")]

    def state(self, now: datetime) -> str:
        """`open`, `accepted`, `revoked` or `expired`."""
        if self.accepted_at:
            return "accepted"
        if self.revoked_at:
            return "revoked"
        return "open" if self.expires_at > now else "expired"


class Guesses(models.Model):
    """How often somebody guessed at one thing (the password of an account) without success, and until when
    he waits. `subject` is a digest: the table knows no address."""

    subject = models.BinaryField(max_length=32, primary_key=True)
    failures = models.PositiveIntegerField()
    at = models.DateTimeField(db_index=True)
    blocked_until = models.DateTimeField()
