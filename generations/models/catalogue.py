"""What can be asked: models, their names at each door, their sizes, and what each door offers.

These rows belong to no tenant. Operators edit them; `manage.py seed_catalogue` brings the first ones.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

__all__ = ["Dialect", "DialectModel", "Model", "ModelName", "ModelSize"]


class Model(models.Model):
    """A model under our own name for it. Its prices are in billing, its engines in the channels.

    A `hidden` model is offered only to keys that name it; one that is not `enabled` to nobody.
    """

    slug = models.CharField(max_length=100, primary_key=True)
    title = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    family = models.CharField(max_length=40)
    released = models.DateField()
    default_resolution = models.CharField(max_length=8, default="1K")
    default_ratio = models.CharField(max_length=8, default="1:1")
    input_tokens_per_image = models.PositiveIntegerField()
    input_token_limit = models.PositiveIntegerField()
    output_token_limit = models.PositiveIntegerField()
    max_input_images = models.PositiveSmallIntegerField(help_text="How many the engine itself takes.")
    enabled = models.BooleanField(default=True)
    hidden = models.BooleanField(default=False, help_text="Only for keys that name this model.")
    position = models.PositiveSmallIntegerField(default=0, help_text="Its place in lists.")

    class Meta:
        ordering = ["position", "slug"]

    def __str__(self) -> str:
        return self.title


class Dialect(models.Model):
    """What a vendor's door has of its own, beside its models."""

    name = models.CharField(max_length=10, primary_key=True)
    credits_per_dollar = models.PositiveIntegerField(
        default=0, help_text="The vendor's display rate; 0 where it has none."
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ModelName(models.Model):
    """A name that a door accepts for a model. The one in the first position is the one it shows."""

    id = models.BigAutoField(primary_key=True)
    dialect = models.ForeignKey(Dialect, on_delete=models.CASCADE, related_name="names")
    name = models.CharField(max_length=100)
    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="names")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["dialect", "model", "position", "name"]
        constraints = [models.UniqueConstraint("dialect", "name", name="generations_modelname_once")]

    def __str__(self) -> str:
        return self.name


class ModelSize(models.Model):
    """A cell of a model's table: the pixels of a ratio at a resolution, and what the image costs."""

    id = models.BigAutoField(primary_key=True)
    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="sizes")
    resolution = models.CharField(max_length=8)
    ratio = models.CharField(max_length=8)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    tokens = models.PositiveIntegerField(help_text="Tokens that one image of this size costs.")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["model", "position"]
        constraints = [
            models.UniqueConstraint("model", "resolution", "ratio", name="generations_modelsize_once"),
            models.CheckConstraint(
                condition=Q(width__gt=0, height__gt=0, tokens__gt=0), name="generations_modelsize_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model_id} {self.ratio} {self.resolution}"


class DialectModel(models.Model):
    """What a door documents of a model: its ratios, resolutions and limits. Without such a row the
    door does not offer the model. Resolutions are in our words (`512`, which EvoLink calls `0.5K`).
    """

    id = models.BigAutoField(primary_key=True)
    dialect = models.ForeignKey(Dialect, on_delete=models.CASCADE, related_name="offers")
    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="offers")
    ratios = ArrayField(models.CharField(max_length=8))
    resolutions = ArrayField(models.CharField(max_length=8))
    default_ratio = models.CharField(
        max_length=8, blank=True, help_text="Empty: the picture follows its input."
    )
    default_resolution = models.CharField(max_length=8)
    prompt_characters = models.PositiveIntegerField()
    max_count = models.PositiveSmallIntegerField(help_text="Images per request.")
    max_references = models.PositiveSmallIntegerField()
    reference_bytes = models.PositiveIntegerField(help_text="The largest reference image.")

    class Meta:
        ordering = ["dialect", "model"]
        constraints = [
            models.UniqueConstraint("dialect", "model", name="generations_dialectmodel_once"),
            models.CheckConstraint(
                condition=Q(max_count__gte=1, max_count__lte=10), name="generations_dialectmodel_count"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model_id} at {self.dialect_id}"
