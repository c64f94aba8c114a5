"""How organizations, members and keys are shown, and what may be said of them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.access import KeyScope, ManagementScope
from accounts.api.fields import Strict, Text, Whole
from accounts.api.paging import PageQuery
from accounts.models import Door, Mode, Organization, Role

PRINTABLE = r"^[ -~\u00a1-\uffff]*$"
SCOPES = [*KeyScope, *ManagementScope]


class OrganizationShape(serializers.Serializer[Any]):
    """A team."""

    id = serializers.UUIDField()
    slug = serializers.CharField(help_text="Its short name, which never changes.")
    name = serializers.CharField()
    state = serializers.ChoiceField(Organization.State.choices)
    suspended_reason = serializers.CharField()
    requests_per_minute = serializers.IntegerField(allow_null=True, help_text="null: the platform's.")
    created_at = serializers.DateTimeField()


class OrganizationBody(Strict):
    name = Text(min_length=1, max_length=120)


class MemberShape(serializers.Serializer[Any]):
    """A person in the organization."""

    user_id = serializers.UUIDField()
    email = serializers.EmailField(source="user.email")
    name = serializers.CharField(source="user.name")
    role = serializers.ChoiceField(Role.choices)
    joined_at = serializers.DateTimeField(source="created_at")


class MemberBody(Strict):
    role = serializers.ChoiceField(Role.choices)


class KeyShape(serializers.Serializer[Any]):
    """An API key, without its secret."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    mode = serializers.ChoiceField(Mode.choices)
    prefix = serializers.CharField(help_text="The part of the key that may be shown.")
    last_four = serializers.CharField()
    home_door = serializers.ChoiceField(Door.choices)
    member_id = serializers.UUIDField(allow_null=True, help_text="Whose personal key it is, if one's.")
    scopes = serializers.ListField(child=serializers.CharField())
    models_allowed = serializers.ListField(child=serializers.CharField())
    doors_allowed = serializers.ListField(child=serializers.CharField())
    networks = serializers.ListField(child=serializers.CharField())
    requests_per_minute = serializers.IntegerField(allow_null=True)
    concurrency = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    revoked_reason = serializers.CharField()
    last_used_at = serializers.DateTimeField(allow_null=True)
    last_used_ip = serializers.CharField(allow_null=True)
    last_used_agent = serializers.CharField()
    previous_expires_at = serializers.DateTimeField(
        allow_null=True, help_text="Until when the secret of before the last rotation works."
    )
    previous_used_at = serializers.DateTimeField(allow_null=True)


class NewKeyShape(KeyShape):
    """A key with its secret, which is told this once."""

    secret = serializers.CharField()


class KeysQuery(PageQuery):
    state = serializers.ChoiceField(["active", "revoked", "all"], default="active")


@extend_schema_field(
    {
        "anyOf": [
            {
                "type": "array",
                "items": {"type": "string", "enum": [str(one) for one in family]},
                "maxItems": 7,
            }
            for family in (KeyScope, ManagementScope)
        ]
    }
)
class Scopes(serializers.ListField):
    """Scopes of one family."""


class KeyChanges(Strict):
    """What may be changed of a key. Empty lists mean: no restriction."""

    name = Text(min_length=1, max_length=120, required=False)
    home_door = serializers.ChoiceField(Door.choices, required=False)
    scopes = Scopes(
        child=serializers.ChoiceField(SCOPES),
        max_length=len(SCOPES),
        required=False,
        help_text="Of one family: those that generate, or those that manage. None: all that generate.",
    )
    models_allowed = serializers.ListField(
        child=Text(min_length=1, max_length=100), max_length=100, required=False
    )
    doors_allowed = serializers.ListField(
        child=serializers.ChoiceField(Door.choices), max_length=100, required=False
    )
    networks = serializers.ListField(
        child=Text(max_length=50),
        max_length=100,
        required=False,
        help_text="IPv4 and IPv6 networks the key may be used from.",
    )
    requests_per_minute = Whole(min_value=1, max_value=1_000_000, allow_null=True, required=False)
    concurrency = Whole(min_value=1, max_value=1_000_000, allow_null=True, required=False)
    expires_at = serializers.DateTimeField(allow_null=True, required=False)


class NewKeyBody(KeyChanges):
    """A new key. Without `member_id` it belongs to the organization; with it, to one member."""

    name = Text(min_length=1, max_length=120)
    member_id = serializers.UUIDField(allow_null=True, required=False)


class RotateBody(Strict):
    grace_seconds = Whole(
        default=0, min_value=0, max_value=7 * 86400, help_text="How long the old secret goes on working."
    )


class RevokeBody(Strict):
    reason = Text(default="", max_length=200, allow_blank=True)


class LeakBody(Strict):
    key = Text(max_length=200, help_text="The key as it was found.")
    found_at = Text(default="", max_length=500, allow_blank=True, help_text="Where, if you like.")


class LeakShape(serializers.Serializer[Any]):
    """The same words for every key."""

    message = serializers.CharField()


def page_of(shape: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    """The shape of a page of them."""
    members = {
        "data": shape(many=True),
        "next_cursor": serializers.CharField(allow_null=True, help_text="null on the last page."),
        "__doc__": f"A page: {shape.__doc__}",
    }
    return type(f"{shape.__name__.removesuffix('Shape')}Page", (serializers.Serializer,), members)
