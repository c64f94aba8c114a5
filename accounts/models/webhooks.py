"""What leaves the house: endpoints and their secrets, messages, and every try to deliver one."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models.people import Mode, TenantModel, User
from runtime.ids import uuid7


class Event(models.TextChoices):
    """What an endpoint may listen to."""

    GENERATION_SUCCEEDED = "generation.succeeded", "A generation succeeded"
    GENERATION_FAILED = "generation.failed", "A generation failed"
    GENERATION_CANCELLED = "generation.cancelled", "A generation was cancelled"
    BALANCE_LOW = "balance.low", "The balance is low"
    KEY_REVOKED = "key.revoked", "A key was revoked"
    KEY_ROTATED = "key.rotated", "A key was rotated"
    KEY_FROZEN = "key.frozen", "A key was frozen for unusual use"
    ENDPOINT_DISABLED = "endpoint.disabled", "An endpoint was disabled"


CALLBACK = "generation.final"
"""The event of the one message that goes to an order's own `callback_url`."""
PING = "endpoint.ping"
"""The event of a message that an endpoint's owner sends to himself."""


class Signed(TenantModel):
    """Something with a signing secret (`whsec_...`, encrypted). After a rotation the previous one
    signs too, until `previous_until`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mode = models.CharField(max_length=4, choices=Mode)
    secret = models.TextField()
    last_four = models.CharField(max_length=4)
    previous_secret = models.TextField(blank=True)
    previous_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True


class WebhookEndpoint(Signed):
    """A receiver that an organization registered for the events of one mode.

    `host` is the URL's, `failing_since` the first failure after the last success. A removed endpoint
    stays for the messages that name it.
    """

    class Reason(models.TextChoices):
        BY_HAND = "by_hand", "By hand"
        GONE = "gone", "It answered 410"
        FAILING = "failing", "It failed for five days"

    url = models.CharField(max_length=2048)
    host = models.CharField(max_length=255)
    description = models.CharField(max_length=200, blank=True)
    events = ArrayField(models.CharField(max_length=40, choices=Event))
    enabled = models.BooleanField(default=True)
    disabled_at = models.DateTimeField(null=True)
    disabled_reason = models.CharField(max_length=10, choices=Reason, blank=True)
    failing_since = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["organization", "mode"], name="accounts_endpoint_mode")]
        constraints = [
            models.CheckConstraint(
                condition=Q(enabled=True, disabled_at__isnull=True)
                | Q(enabled=False, disabled_at__isnull=False),
                name="accounts_endpoint_disabled_since",
            ),
            models.CheckConstraint(
                condition=Q(removed_at__isnull=True) | Q(enabled=False),
                name="accounts_endpoint_removed_is_off",
            ),
        ]

    def __str__(self) -> str:
        return self.description or self.host


class CallbackSecret(Signed):
    """What signs the callbacks to orders' own `callback_url`s, if the organization made one."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "mode"], name="accounts_callbacksecret_once")
        ]


class OutboxMessage(TenantModel):
    """A message that must leave the house, written in the transaction that made it true.

    It goes to `url`, or to its `endpoint` wherever that stands today. Until `rendered_at` the body
    holds facts for the renderer, from then on the bytes that every try sends. `next_at` is when it is
    due, `claims` how often it was taken in hand in this round (and the token of the one who has it),
    `attempts` the recorded tries of this round, `sends` those of all rounds. A redelivery begins
    another round; what was redelivered together shares `replayed_at` and leaves in order.
    `sandbox_status` is an answer that no network gives (`test:webhook500`).
    """

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        DELIVERED = "delivered", "Delivered"
        DEAD = "dead", "Gave up"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mode = models.CharField(max_length=4, choices=Mode)
    event = models.CharField(max_length=40)
    generation_id = models.UUIDField(null=True)
    endpoint = models.ForeignKey(
        WebhookEndpoint,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="messages",
    )
    url = models.URLField(max_length=2048, blank=True)
    host = models.CharField(max_length=255, db_default="")
    body = models.BinaryField()
    rendered_at = models.DateTimeField(null=True)
    sandbox_status = models.PositiveSmallIntegerField(null=True)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    claims = models.PositiveSmallIntegerField(default=0)
    sends = models.PositiveIntegerField(db_default=0)
    next_at = models.DateTimeField(db_default=Now())
    claimed_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)
    replayed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["next_at"], name="accounts_outbox_due", condition=Q(state="pending")),
            models.Index(
                fields=["organization", "host", "next_at"],
                name="accounts_outbox_turn",
                condition=Q(state="pending"),
            ),
            models.Index(
                fields=["claimed_at"], name="accounts_outbox_claimed", condition=Q(claimed_at__isnull=False)
            ),
            models.Index(fields=["organization", "endpoint", "-created_at"], name="accounts_outbox_log"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["generation_id", "event"],
                name="accounts_outbox_once",
                condition=Q(endpoint__isnull=True),
            ),
            models.UniqueConstraint(
                fields=["generation_id", "event", "endpoint"],
                name="accounts_outbox_once_each",
                condition=Q(endpoint__isnull=False),
            ),
        ]

    @property
    def webhook_id(self) -> str:
        """The id that receivers see: the same for every try."""
        return f"msg_{self.pk}"


class Delivery(TenantModel):
    """One try: what was sent and what came back. Only ever added to.

    `status` is null when nothing answered; `error` is empty after a 2xx, else a word of
    `accounts.webhooks.deliveries`. `response` holds the first 4,096 bytes of the answer's body.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mode = models.CharField(max_length=4, choices=Mode)
    message = models.ForeignKey(
        OutboxMessage,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="deliveries",
    )
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    url = models.CharField(max_length=2048)
    headers = models.JSONField(default=dict)
    status = models.PositiveSmallIntegerField(null=True)
    milliseconds = models.PositiveIntegerField()
    response = models.BinaryField()
    error = models.CharField(max_length=20, blank=True)

    class Meta:
        indexes = [models.Index(fields=["organization", "-started_at"], name="accounts_delivery_log")]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "message", "number"], name="accounts_delivery_once"
            )
        ]


class InboxItem(TenantModel):
    """Something that arrived in an organization's development inbox; never written in production."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(db_default=Now(), editable=False)
    method = models.CharField(max_length=10)
    headers = models.JSONField(default=dict)
    body = models.BinaryField()
    signature = models.CharField(max_length=20, help_text="What the verifier said of it.")

    class Meta:
        indexes = [models.Index(fields=["organization", "-id"], name="accounts_inbox_newest")]
