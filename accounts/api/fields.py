"""Fields and serializers that take nothing for something else: no number for a text, no unknown name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from django.utils.dateparse import parse_date, parse_datetime
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

UNKNOWN = "There is no such parameter here."


class Strict(serializers.Serializer[Any]):
    """Refuses what it does not know: a mistyped name must not be silently without effect."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                raise ValidationError({name: [ErrorDetail(UNKNOWN, "unknown_parameter")] for name in unknown})
        return super().to_internal_value(data)


class Text(serializers.CharField):
    """A JSON string, as it is."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"trim_whitespace": False, **options})

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Whole(serializers.IntegerField):
    """A JSON integer: `1.0` is one, as JSON Schema has it; neither `true` nor `"1"` is."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is float and data.is_integer():
            data = int(data)
        if type(data) is not int:
            self.fail("invalid")
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """`true` or `false`."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


@extend_schema_field({"type": "string", "examples": ["2026-11-01", "2026-11-01T00:00:00Z"]})
class Moment(serializers.Field[Any, Any, Any, Any]):
    """A moment (`2026-11-01T00:00:00Z`), or a day, which begins in the timezone of the request."""

    default_error_messages = {"invalid": "Write a day (2026-11-01) or a moment (2026-11-01T00:00:00Z)."}

    def to_internal_value(self, data: Any) -> date | datetime:
        try:
            found = parse_date(str(data)) or parse_datetime(str(data))
        except ValueError:
            found = None
        if found is None or not 2000 <= found.year <= 2200:
            self.fail("invalid")
        if isinstance(found, datetime) and found.tzinfo is None:
            self.fail("invalid")
        return found

    def to_representation(self, value: Any) -> str:
        return str(value.isoformat())


@extend_schema_field({"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]})
class Address(serializers.IPAddressField):
    """An IPv4 or IPv6 address."""


@extend_schema_field({"type": "string", "examples": ["Europe/Berlin", "Asia/Kathmandu"]})
class Zone(serializers.Field[Any, Any, Any, Any]):
    """A timezone by its IANA name."""

    default_error_messages = {"invalid": "Name a timezone as IANA does, such as Europe/Berlin or UTC."}

    def to_internal_value(self, data: Any) -> ZoneInfo:
        if str(data) not in ZONES:
            self.fail("invalid")
        return ZoneInfo(str(data))

    def to_representation(self, value: Any) -> str:
        return str(value)


UTC: Final = ZoneInfo("UTC")
ZONES: Final = frozenset(available_timezones() - {"localtime"})  # that is one machine's


def moment(value: date | datetime | None, zone: ZoneInfo) -> datetime | None:
    """The moment that is meant: a day is its beginning in the timezone."""
    if value is None or isinstance(value, datetime):
        return value
    return datetime.combine(value, time(), zone)
