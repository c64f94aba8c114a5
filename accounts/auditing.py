"""Who changed what: one row per change, in the transaction of the change."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connection

from accounts.keys import PATTERN
from accounts.models import ApiKey, User


class ActorType(StrEnum):
    MEMBER = "member"
    KEY = "key"
    OPERATOR = "operator"
    COMMAND = "command"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and from where. `label` stays readable after its bearer is gone."""

    type: ActorType
    id: str = ""
    label: str = ""
    ip: str | None = None
    agent: str = ""
    request_id: str = ""

    @classmethod
    def member(cls, user: User, **where: Any) -> Actor:
        """A team member in the pages. `where`: ip, agent, request_id."""
        return cls(ActorType.MEMBER, str(user.pk), user.email, **where)

    @classmethod
    def operator(cls, user: User, **where: Any) -> Actor:
        """One of those who run the platform."""
        return cls(ActorType.OPERATOR, str(user.pk), user.email, **where)

    @classmethod
    def key(cls, key: ApiKey, **where: Any) -> Actor:
        """A program with an API key."""
        return cls(ActorType.KEY, str(key.pk), str(key), **where)

    @classmethod
    def command(cls, name: str) -> Actor:
        """A management command, run by whoever has a shell."""
        return cls(ActorType.COMMAND, label=f"manage.py {name}")

    @classmethod
    def system(cls, name: str) -> Actor:
        """The platform itself."""
        return cls(ActorType.SYSTEM, label=name)


def record(
    *,
    by: Actor,
    action: str,
    object_type: str = "",
    object_id: Any = "",
    object_label: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
    organization_id: UUID | None = None,
) -> None:
    """Write one event into the open transaction: inside the scope of its organization, or outside
    every scope for what concerns none. `action` reads `noun.verb`; `before` and `after` hold the
    changed fields. Secrets are blacked out, whoever forgot to leave them away."""
    fields: dict[str, Any] = {
        "organization_id": organization_id,
        "actor_type": by.type,
        "actor_id": by.id,
        "actor_label": by.label[:200],
        "ip": by.ip,
        "agent": by.agent[:200],
        "request_id": by.request_id[:64],
        "action": action,
        "object_type": object_type,
        "object_id": str(object_id),
        "object_label": object_label[:200],
        "reason": _KEY.sub(HIDDEN, reason)[:500],
        "before": json.dumps(_plain(before or {})),
        "after": json.dumps(_plain(after or {})),
    }
    _insert(fields)


def _insert(fields: Mapping[str, Any]) -> None:
    """Without RETURNING, which needs the right to read: not everybody who writes here may."""
    names, values = ", ".join(fields), ", ".join(["%s"] * len(fields))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO accounts_auditevent ({names}) VALUES ({values})", [*fields.values()])  # noqa: S608 - our own names


HIDDEN = "(hidden)"
_SECRET_NAMES = re.compile(r"password|secret|digest|pepper|token$|credential", re.IGNORECASE)
_KEY = re.compile(PATTERN)


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: HIDDEN if _SECRET_NAMES.search(name) else _value(value) for name, value in fields.items()}


def _value(value: Any) -> Any:
    """As JSON knows it, without keys in it."""
    if isinstance(value, str):
        return _KEY.sub(HIDDEN, value)
    if isinstance(value, (date, UUID)):
        return str(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return _plain(value)
    if isinstance(value, (list, tuple)):
        return [_value(item) for item in value]
    return value
