"""What a key's owner may choose, and in which form it is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from ipaddress import ip_network
from typing import Any, Final

from accounts.access import KeyScope, ManagementScope
from accounts.errors import InvalidValue
from accounts.models import Door, Mode
from runtime.clock import utc_now

MOST_ENTRIES = 100


def cleaned(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields in the form they are stored in. Raises InvalidValue naming the first bad one."""
    unknown = set(fields) - set(EDITABLE)
    if unknown:
        raise InvalidValue(min(unknown), f"{min(unknown)} of a key cannot be set.")
    return {name: EDITABLE[name](name, value) for name, value in fields.items()}


def mode(value: str) -> str:
    """`live` or `test`. Raises InvalidValue."""
    return _one_of(Mode.values)("mode", value)


def _name(field: str, value: str) -> str:
    value = value.strip()
    if not 1 <= len(value) <= 120 or not value.isprintable():
        raise InvalidValue(field, "Give the key a name of 1 to 120 printable characters.")
    return value


def _one_of(words: Iterable[str]) -> Callable[[str, str], str]:
    known = tuple(str(word) for word in words)

    def clean(field: str, value: str) -> str:
        if value not in known:
            raise InvalidValue(field, f"{value!r} is not known here. Use one of: {', '.join(known)}.")
        return str(value)

    return clean


def _each(clean: Callable[[str, str], str]) -> Callable[[str, Iterable[str]], list[str]]:
    def clean_all(field: str, values: Iterable[str]) -> list[str]:
        found = list(dict.fromkeys(clean(field, value) for value in values))
        if len(found) > MOST_ENTRIES:
            raise InvalidValue(field, f"At most {MOST_ENTRIES} entries are possible.")
        return found

    return clean_all


_each_scope = _each(_one_of([*KeyScope, *ManagementScope]))


def _scopes(field: str, values: Iterable[str]) -> list[str]:
    found = _each_scope(field, values)
    if 0 < sum(scope in list(ManagementScope) for scope in found) < len(found):
        raise InvalidValue(
            field, "A key either generates or manages. Make one key for each, with the scopes of one kind."
        )
    return found


def _model(field: str, value: str) -> str:
    if not 1 <= len(value) <= 100 or not value.isprintable():
        raise InvalidValue(field, "A model's name has 1 to 100 characters.")
    return value


def _network(field: str, value: str) -> str:
    try:
        return str(ip_network(value.strip(), strict=False))
    except ValueError as error:
        raise InvalidValue(
            field, f"{value!r} is no network. Write 203.0.113.0/24, 2001:db8::/32 or one address."
        ) from error


def _limit(field: str, value: int | None) -> int | None:
    if value is not None and not 1 <= value <= 1_000_000:
        raise InvalidValue(field, "A limit is a number from 1 to 1,000,000, or empty for none.")
    return value


def _expiry(field: str, value: datetime | None) -> datetime | None:
    if value is not None and (value.tzinfo is None or value <= utc_now()):
        raise InvalidValue(field, "The key would have expired already. Choose a later moment.")
    return value


EDITABLE: Final[dict[str, Callable[[str, Any], Any]]] = {
    "name": _name,
    "home_door": _one_of(Door.values),
    "scopes": _scopes,
    "models_allowed": _each(_model),
    "doors_allowed": _each(_one_of(Door.values)),
    "networks": _each(_network),
    "requests_per_minute": _limit,
    "concurrency": _limit,
    "expires_at": _expiry,
}
