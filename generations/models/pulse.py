"""What an hour and a day came to, over the whole platform: made when they were over, for operators."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.models import Mode, TenantModel


class Step(models.TextChoices):
    HOUR = "hour", "Hour"
    DAY = "day", "Day"


class Pulse(TenantModel):
    """The generations of an organization that ended in an hour or a day (UTC), per model, door and
    outcome. `amount` in nano-dollars, `milliseconds` from submit to final."""

    id = models.BigAutoField(primary_key=True)
    step = models.CharField(max_length=4, choices=Step)
    at = models.DateTimeField()
    mode = models.CharField(max_length=4, choices=Mode)
    model = models.CharField(max_length=100)
    dialect = models.CharField(max_length=10)
    outcome = models.CharField(max_length=24, help_text="`succeeded`, or the kind of the failure.")
    generations = models.BigIntegerField()
    images = models.BigIntegerField()
    tokens = models.BigIntegerField()
    amount = models.BigIntegerField()
    milliseconds = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["step", "mode", "at"], name="generations_pulse_time")]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "step", "at", "mode", "model", "dialect", "outcome"],
                name="generations_pulse_once",
            )
        ]


class Pace(models.Model):
    """How long successes took in an hour or a day (UTC): how many in each bucket of
    `generations.pulse.buckets`. `about` a door: from submit to final; `about` a provider: its call."""

    class About(models.TextChoices):
        DIALECT = "dialect", "Door"
        PROVIDER = "provider", "Provider"

    id = models.BigAutoField(primary_key=True)
    step = models.CharField(max_length=4, choices=Step)
    at = models.DateTimeField()
    mode = models.CharField(max_length=4, choices=Mode)
    about = models.CharField(max_length=8, choices=About)
    name = models.CharField(max_length=20)
    counts = ArrayField(models.BigIntegerField())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["step", "mode", "at", "about", "name"], name="generations_pace_once"
            )
        ]
