"""Who draws it: the provider accounts that we may call, and the models each of them serves."""

from __future__ import annotations

from django.db import models

from generations.models.catalogue import Model

__all__ = ["Channel", "ChannelModel"]


class Channel(models.Model):
    """An account at a provider. Belongs to no tenant.

    `credential` is a secret under `EASEL_ENCRYPTION_KEYS` (`runtime.signing`), or empty. Of the
    channels that serve a model the highest `priority` goes first; equals share by `weight`, and
    weight 0 takes no work. `concurrency` bounds the calls at once of each process. `options` are the
    engine's own (`project` and `location` make a gemini channel Vertex AI; its credential is then the
    service account's JSON). The sandbox needs no row: it is always there, and never a failover.
    """

    class Provider(models.TextChoices):
        GEMINI = "gemini", "Gemini"
        OPENAI = "openai", "OpenAI Images"
        SANDBOX = "sandbox", "Sandbox"

    class Health(models.TextChoices):
        HEALTHY = "healthy", "Healthy"
        MISCONFIGURED = "misconfigured", "Misconfigured"
        BROKEN = "broken", "Broken"

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=60, unique=True)
    provider = models.CharField(max_length=20, choices=Provider)
    base_url = models.CharField(max_length=500, blank=True, help_text="Empty: the provider's own address.")
    credential = models.TextField(blank=True, editable=False)
    weight = models.PositiveIntegerField(default=1)
    priority = models.IntegerField(default=0, help_text="The highest goes first.")
    concurrency = models.PositiveIntegerField(
        null=True, blank=True, help_text="Calls at once of each process. Empty: any number."
    )
    options = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        blank=True,
        help_text="Words for the engine.",
    )
    enabled = models.BooleanField(default=True, help_text="A disabled channel is never called.")
    health = models.CharField(max_length=13, choices=Health, default=Health.HEALTHY)
    last_error = models.TextField(blank=True)
    last_error_at = models.DateTimeField(null=True, blank=True)
    from_environment = models.BooleanField(
        default=False, help_text="Made at start from the settings: read-only."
    )

    class Meta:
        ordering = ["-priority", "name"]

    def __str__(self) -> str:
        return self.name


class ChannelModel(models.Model):
    """A model that a channel serves, under the upstream's own id for it, so that a retired upstream
    name is an edit and no release.

    The costs are what the provider charges us, in nano-dollars per token (empty: not known). While
    `opened_at` is set the breaker is open: nothing is called but one probe a second, the last at
    `probed_at`. All processes read both.
    """

    id = models.BigAutoField(primary_key=True)
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="serves")
    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="served_by")
    upstream_model = models.CharField(max_length=200)
    input_cost = models.BigIntegerField(null=True, blank=True, help_text="Nano-dollars per token of input.")
    text_cost = models.BigIntegerField(null=True, blank=True, help_text="The same for words and thoughts.")
    image_cost = models.BigIntegerField(null=True, blank=True, help_text="The same for pictures that come.")
    opened_at = models.DateTimeField(null=True, editable=False)
    probed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["channel", "model"]
        constraints = [models.UniqueConstraint("channel", "model", name="generations_channelmodel_once")]

    def __str__(self) -> str:
        return f"{self.model_id} as {self.upstream_model}"
