"""How batches are shown, and what may be said of them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.api.fields import Strict
from accounts.models import Door, Mode
from billing.api.shapes import Dollars
from generations.api.shapes import ImageShape

BATCH_STATES = ("running", "completed", "cancelling", "cancelled")
ITEM_STATES = ("waiting", "queued", "running", "succeeded", "failed", "cancelled")


class CountsShape(serializers.Serializer[Any]):
    """How many lines are in each state."""

    waiting = serializers.IntegerField(help_text="Not yet submitted.")
    queued = serializers.IntegerField()
    running = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()


class BatchShape(serializers.Serializer[Any]):
    """A file of orders, and how far it is."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    mode = serializers.ChoiceField(Mode.choices)
    state = serializers.ChoiceField(BATCH_STATES)
    key_id = serializers.UUIDField(help_text="The key that pays.")
    size = serializers.IntegerField(help_text="Lines in all.")
    counts = CountsShape()
    tokens = serializers.IntegerField(help_text="Charged so far.")
    cost_usd = Dollars(source="cost")
    created_at = serializers.DateTimeField()
    deadline_at = serializers.DateTimeField(help_text="What is not done by then is given up.")
    cancelled_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class ItemShape(serializers.Serializer[Any]):
    """One line, and what became of it."""

    line = serializers.IntegerField()
    custom_id = serializers.CharField()
    dialect = serializers.CharField(help_text="Empty for a neutral order.")
    state = serializers.ChoiceField(ITEM_STATES)
    kind = serializers.CharField(help_text="Why it was not delivered; empty otherwise.")
    message = serializers.CharField()
    generation_id = serializers.UUIDField(allow_null=True)
    tokens = serializers.IntegerField()
    cost_usd = Dollars(source="cost")
    images = ImageShape(many=True)


class NewBatchQuery(Strict):
    name = serializers.CharField(max_length=120, default="", allow_blank=True)
    dialect = serializers.ChoiceField(
        Door.choices, required=False, help_text="The door of lines that name none; without it: neutral."
    )
    key = serializers.UUIDField(
        required=False, help_text="For members in the pages: the key that pays. A key pays for itself."
    )
