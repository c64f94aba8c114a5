"""How generations and what belongs to them are shown."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.api.fields import Strict, Text
from accounts.models import Door, Mode
from billing.api.shapes import Dollars
from billing.entries import KINDS
from generations.actions.contests import LONGEST
from generations.models import Contest
from generations.spec import State

STATES = [state.value for state in State]
CONTEST_STATES = Contest.State.values


class ImageShape(serializers.Serializer[Any]):
    """One delivered image."""

    number = serializers.IntegerField(help_text="From 0.")
    url = serializers.URLField(help_text="Opens without a key for as long as the image is kept.")
    mime = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    bytes = serializers.IntegerField()
    sha256 = serializers.CharField()


class HandlesShape(serializers.Serializer[Any]):
    """The generation's id in the words of each door. Every polling door accepts every one."""

    evolink = serializers.CharField()
    openai = serializers.CharField()
    toapis = serializers.CharField()
    gemini = serializers.CharField()
    gmi = serializers.CharField()


class GenerationShape(serializers.Serializer[Any]):
    """One job: what was asked, what came of it, what it cost."""

    id = serializers.UUIDField()
    handles = HandlesShape()
    state = serializers.ChoiceField(STATES)
    kind = serializers.CharField(help_text="Why it was not delivered; empty otherwise.")
    message = serializers.CharField()
    mode = serializers.ChoiceField(Mode.choices)
    dialect = serializers.ChoiceField(Door.choices)
    model = serializers.CharField()
    prompt = serializers.CharField()
    count = serializers.IntegerField(help_text="Images ordered.")
    delivered = serializers.IntegerField(help_text="Images delivered, and charged.")
    ratio = serializers.CharField(allow_null=True)
    resolution = serializers.CharField()
    key_id = serializers.UUIDField(allow_null=True)
    member_id = serializers.UUIDField(allow_null=True)
    request_id = serializers.CharField()
    tokens = serializers.IntegerField(help_text="Charged; 0 unless succeeded.")
    cost_usd = Dollars()
    held_usd = Dollars(help_text="Reserved at submit.")
    progress = serializers.IntegerField(help_text="0 to 100.")
    estimated_seconds = serializers.IntegerField()
    can_cancel = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True, help_text="Until when the images are kept.")
    images = ImageShape(many=True)


class AttemptShape(serializers.Serializer[Any]):
    """One try."""

    number = serializers.IntegerField()
    provider = serializers.CharField()
    upstream_model = serializers.CharField()
    outcome = serializers.CharField(help_text="Empty while it runs.")
    kind = serializers.CharField()
    started_at = serializers.DateTimeField()
    upstream_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    images = serializers.IntegerField()
    surplus = serializers.IntegerField(help_text="Images beyond the order: dropped, never charged.")


class TransferShape(serializers.Serializer[Any]):
    """One entry of the ledger about it."""

    id = serializers.IntegerField()
    created_at = serializers.DateTimeField(source="at")
    kind = serializers.ChoiceField(KINDS)
    amount_usd = Dollars(source="amount")
    tokens = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField()


class EventShape(serializers.Serializer[Any]):
    """One moment in its life."""

    at = serializers.DateTimeField()
    event = serializers.CharField(help_text="`request`, `state`, `attempt`, `upstream`, `ledger`.")
    text = serializers.CharField()
    seconds = serializers.FloatField(help_text="Since the event before.")


class ContestShape(serializers.Serializer[Any]):
    """A report of bad images, and its answer."""

    state = serializers.ChoiceField(CONTEST_STATES, help_text="`declined`: the charge was kept.")
    reason = serializers.CharField(help_text="As it was reported.")
    created_at = serializers.DateTimeField()
    answer = serializers.CharField(help_text="The operator's words; empty while it waits.")
    decided_at = serializers.DateTimeField(allow_null=True)


class ContestBody(Strict):
    reason = Text(default="", max_length=LONGEST, allow_blank=True, help_text="What is wrong, in one line.")


class WholeShape(GenerationShape):
    """One job with everything that is known of it."""

    contest = ContestShape(allow_null=True, help_text="null: its images were not reported.")
    attempts = AttemptShape(many=True)
    ledger = TransferShape(many=True)
    timeline = EventShape(many=True)


class LinksShape(serializers.Serializer[Any]):
    """The links to its images, as they are now."""

    expires_at = serializers.DateTimeField(allow_null=True)
    data = ImageShape(many=True)  # type: ignore[assignment]  # the field of that name


class CountShape(serializers.Serializer[Any]):
    """How many images it was about."""

    images = serializers.IntegerField()


class RequestShape(serializers.Serializer[Any]):
    """One call, answered or refused."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    request_id = serializers.CharField()
    door = serializers.CharField(help_text="A door's name, or `management`.")
    method = serializers.CharField()
    path = serializers.CharField()
    status = serializers.IntegerField(allow_null=True, help_text="null while it is being answered.")
    kind = serializers.CharField()
    generation_id = serializers.UUIDField(allow_null=True)
    replayed = serializers.BooleanField()
    milliseconds = serializers.IntegerField(allow_null=True)
    bytes_in = serializers.IntegerField()
    bytes_out = serializers.IntegerField()
    key_id = serializers.UUIDField(allow_null=True)
    member_id = serializers.UUIDField(allow_null=True)
    ip = serializers.CharField(allow_null=True)
    agent = serializers.CharField()


class SizeShape(serializers.Serializer[Any]):
    """A picture a model draws, and what it costs."""

    resolution = serializers.CharField()
    ratio = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    tokens = serializers.IntegerField()
    cost_usd = Dollars()


class ModelShape(serializers.Serializer[Any]):
    """A model with its price and its sizes."""

    model = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    token_usd = Dollars(help_text="The price of one token now.")
    names = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()), help_text="Its names at each door."
    )
    max_count = serializers.IntegerField(help_text="The most images of one request, at any door.")
    max_references = serializers.IntegerField()
    sizes = SizeShape(many=True)


class ModelsShape(serializers.Serializer[Any]):
    """Every model that is offered."""

    data = ModelShape(many=True)  # type: ignore[assignment]  # the field of that name
