"""A generation, its attempts and its outputs: what was asked, what was tried, what came out."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import ApiKey, Door, Mode, TenantModel, User
from generations.spec import Kind, State
from runtime.ids import uuid7

STATES = [(state.value, state.value.capitalize()) for state in State]
KINDS = [(kind.value, kind.value.replace("_", " ").capitalize()) for kind in Kind]
LIVE = Q(state__in=["queued", "running"])


class Hold(models.TextChoices):
    OPEN = "open", "Open"
    SETTLED = "settled", "Settled"
    RELEASED = "released", "Released"


class Generation(TenantModel):
    """One job. It is final if and only if its hold is closed.

    `attempt` numbers the tries and is the lease token: it never goes back. `tries_left` is what a
    wait for the upstream or a hand-back gives back. `ticket` is the eight letters of the EvoLink
    form of its id; the other doors' forms are computed from `id`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    ticket = models.CharField(max_length=8)
    mode = models.CharField(max_length=4, choices=Mode)
    dialect = models.CharField(max_length=10, choices=Door)
    key = models.ForeignKey(
        ApiKey, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, null=True, related_name="+"
    )
    member = models.ForeignKey(
        User, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, null=True, related_name="+"
    )
    model = models.CharField(max_length=100)
    order = models.JSONField(help_text="The neutral order, as `spec.Order.to_json` writes it.")
    synchronous = models.BooleanField(default=False)
    priority = models.SmallIntegerField(default=0)
    request_id = models.CharField(max_length=64, blank=True)
    callback_url = models.CharField(max_length=2048, blank=True)

    count = models.PositiveSmallIntegerField()
    image_tokens = models.PositiveIntegerField(help_text="Tokens per image, frozen at submit.")
    unit_price = models.BigIntegerField(help_text="Nano-dollars per token, frozen at submit.")
    credits_per_dollar = models.PositiveIntegerField(default=0)
    hold = models.CharField(max_length=8, choices=Hold, default=Hold.OPEN)
    delivered = models.PositiveSmallIntegerField(default=0)

    state = models.CharField(max_length=9, choices=STATES, default=State.QUEUED.value)
    kind = models.CharField(max_length=24, choices=KINDS, blank=True)
    message = models.CharField(max_length=500, blank=True)
    parts = models.JSONField(default=list)
    usage = models.JSONField(default=dict)
    attempt = models.PositiveIntegerField(default=0)
    tries_left = models.PositiveSmallIntegerField(default=3)
    ended_by = models.PositiveIntegerField(null=True, help_text="The attempt that failed it, if one did.")
    lease_owner = models.CharField(max_length=80, blank=True)
    lease_expires_at = models.DateTimeField(null=True)
    run_after = models.DateTimeField()
    deadline_at = models.DateTimeField()
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True, help_text="Until when the images are kept.")

    class Meta:
        indexes = [
            models.Index(
                fields=["organization", "mode", "-priority", "run_after"],
                name="generations_due",
                condition=Q(state="queued"),
            ),
            models.Index(
                fields=["organization", "mode"], name="generations_running", condition=Q(state="running")
            ),
            models.Index(
                fields=["lease_expires_at"], name="generations_leases", condition=Q(state="running")
            ),
            models.Index(fields=["deadline_at"], name="generations_deadlines", condition=LIVE),
            models.Index(fields=["key"], name="generations_live_of_key", condition=LIVE),
            models.Index(fields=["organization", "mode", "-id"]),
            models.Index(fields=["organization", "mode", "key", "-id"], name="generations_of_key"),
            models.Index(
                fields=["organization", "mode", "state", "-id"],
                name="generations_not_delivered",
                condition=Q(state__in=["failed", "cancelled"]),
            ),
            models.Index(fields=["organization", "ticket"]),
            models.Index(
                fields=["key", "-finished_at"], name="generations_texts_of_key", condition=Q(kind="no_image")
            ),
            # Of all organizations together, for operators.
            models.Index(
                fields=["finished_at"], name="generations_finished", condition=Q(finished_at__isnull=False)
            ),
            models.Index(
                fields=["state", "-id"],
                name="generations_unfortunate",
                condition=Q(state__in=["failed", "cancelled"]),
            ),
            models.Index(fields=["kind", "-id"], name="generations_of_kind", condition=~Q(kind="")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=(LIVE & Q(hold="open")) | (~LIVE & ~Q(hold="open")),
                name="generations_final_iff_closed",
            ),
            models.CheckConstraint(
                condition=Q(state="succeeded", hold="settled") | (~Q(state="succeeded") & ~Q(hold="settled")),
                name="generations_succeeded_iff_settled",
            ),
            models.CheckConstraint(
                condition=Q(state="succeeded", delivered__gte=1, delivered__lte=F("count"))
                | (~Q(state="succeeded") & Q(delivered=0)),
                name="generations_charged_only_for_images",
            ),
            models.CheckConstraint(
                condition=Q(state="running", lease_expires_at__isnull=False)
                | (~Q(state="running") & Q(lease_expires_at__isnull=True)),
                name="generations_running_iff_leased",
            ),
            models.CheckConstraint(
                condition=(LIVE & Q(finished_at__isnull=True)) | (~LIVE & Q(finished_at__isnull=False)),
                name="generations_final_iff_finished",
            ),
            models.CheckConstraint(
                condition=Q(count__gte=1, count__lte=10), name="generations_count_in_range"
            ),
        ]

    @property
    def tokens_held(self) -> int:
        return self.count * self.image_tokens

    @property
    def tokens(self) -> int:
        return self.delivered * self.image_tokens


class Attempt(TenantModel):
    """One try by one process: what the provider did. `number` is the lease token it ran under.

    `calls` lists every call to a channel, in order; channel, model and request id of the columns are
    those of the last one. `provider_cost` is what the provider charges us for `usage`, in nano-dollars
    (null: its costs are not in the catalogue).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mode = models.CharField(max_length=4, choices=Mode)
    generation = models.ForeignKey(
        Generation, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="attempts"
    )
    number = models.PositiveIntegerField()
    owner = models.CharField(max_length=80)
    channel = models.CharField(max_length=60, blank=True)
    provider = models.CharField(max_length=20, blank=True)
    upstream_model = models.CharField(max_length=100, blank=True)
    started_at = models.DateTimeField()
    upstream_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=20, blank=True, help_text="succeeded, failed, retried, lost, ...")
    kind = models.CharField(max_length=24, blank=True)
    detail = models.TextField(blank=True, help_text="For operators; at most 2,000 characters.")
    upstream_request_id = models.CharField(max_length=200, blank=True)
    usage = models.JSONField(default=dict)
    calls = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    provider_cost = models.BigIntegerField(null=True)
    images = models.PositiveSmallIntegerField(default=0)
    surplus = models.PositiveSmallIntegerField(default=0, help_text="Images beyond the order, dropped.")

    class Meta:
        indexes = [models.Index(fields=["-generation", "-number"], name="generations_attempt_newest")]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "generation", "number"], name="generations_attempt_once"
            )
        ]


class Output(TenantModel):
    """One stored image. Its bytes live under `storage_key`, written once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mode = models.CharField(max_length=4, choices=Mode)
    generation = models.ForeignKey(
        Generation, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="outputs"
    )
    number = models.PositiveSmallIntegerField()
    storage_key = models.CharField(max_length=300, unique=True)
    mime = models.CharField(max_length=20)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    bytes = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    signature = models.TextField(null=True)  # noqa: DJ001  the engine's own; null is not the empty one
    epoch = models.PositiveSmallIntegerField(default=0, help_text="Raised to revoke every link made before.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["expires_at"], name="generations_output_expiry", condition=Q(deleted_at__isnull=True)
            ),
            models.Index(
                fields=["organization", "mode", "-generation", "number"],
                name="generations_output_album",
                condition=Q(deleted_at__isnull=True),
            ),
            models.Index(fields=["-generation", "-number"], name="generations_output_newest"),
            models.Index(fields=["sha256"], name="generations_output_hash"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "generation", "number"], name="generations_output_once"
            )
        ]


class IdempotencyRecord(TenantModel):
    """A remembered Idempotency-Key: which generation it made, and what was meant."""

    id = models.BigAutoField(primary_key=True)
    mode = models.CharField(max_length=4, choices=Mode)
    key = models.CharField(max_length=255)
    fingerprint = models.BinaryField(max_length=32)
    generation = models.ForeignKey(
        Generation, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [models.Index(fields=["created_at"])]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "mode", "key"], name="generations_idempotency_once"
            )
        ]
