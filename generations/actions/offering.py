"""What operators change of the catalogue and the channels (M4, M5): each change is audited with what it was
before, and seen by every process within seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Model as Row
from psycopg.errors import UniqueViolation

from accounts import auditing
from accounts.auditing import Actor
from accounts.errors import Conflict, InvalidValue
from generations import catalogue, channels
from generations.models import Channel, ChannelModel, Dialect, DialectModel, Model, ModelName, ModelSize
from runtime.signing import encrypt
from runtime.tenancy import operator

Offered = TypeVar("Offered", Model, ModelName, ModelSize, Dialect, DialectModel, Channel, ChannelModel)
KEPT = ("name", "provider", "base_url", "options")
"""Of a channel of the environment, each start puts these back."""


def add(*, row: Offered, reason: str, by: Actor, credential: str = "") -> Offered:
    """Add a row. Raises InvalidValue, Conflict (there is one like it)."""
    if isinstance(row, Channel):
        _shape(row, credential)
    with operator():
        _validate(row)
        with _possible():
            row.save(force_insert=True)
        _record("add", row, reason, by, after=_facts(row, _names(row)) | _told(credential))
    _seen()
    return row


def edit(
    *, row: Offered, changes: Mapping[str, Any], reason: str, by: Actor, credential: str = ""
) -> Offered:
    """Change fields of a row; a `credential` replaces a channel's, which nobody can read again. Nothing is
    noted where nothing changes. Raises InvalidValue, Conflict."""
    with operator():
        present = type(row)._default_manager.select_for_update().get(pk=row.pk)
        names = [name for name, value in changes.items() if getattr(present, name) != value]
        before = _facts(present, names)
        for name in names:
            setattr(present, name, changes[name])
        if isinstance(present, Channel):
            _require_ours(present, names, credential)
            names += _shape(present, credential)
        _validate(present)
        if names:
            with _possible():
                present.save(update_fields=sorted(set(names)))
            _record(
                "edit", present, reason, by, before=before, after=_facts(present, before) | _told(credential)
            )
    _seen()
    return present


def remove(*, row: ModelName | ChannelModel, reason: str, by: Actor) -> None:
    """Take a name from a door, or a model from a channel: from the next request on."""
    with operator():
        _record("remove", row, reason, by, before=_facts(row, _names(row)))
        type(row)._default_manager.filter(pk=row.pk).delete()
    _seen()


def heal(*, channel: Channel, reason: str, by: Actor) -> None:
    """Serve by a channel again that was taken out as misconfigured, and close its breakers."""
    with operator():
        present = Channel.objects.select_for_update().get(pk=channel.pk)
        before = {"health": present.health, "open_breakers": present.serves.exclude(opened_at=None).count()}
        present.health = Channel.Health.HEALTHY
        present.save(update_fields=["health"])
        present.serves.update(opened_at=None, probed_at=None)
        _record("heal", present, reason, by, before=before, after={"health": present.health})
    _seen()


# ---- of channels -------------------------------------------------------------------------------


def _shape(channel: Channel, credential: str) -> list[str]:
    """A channel with a new secret or address is asked again. Gives the fields that follow. Raises
    InvalidValue."""
    try:
        channels.refuse_own_origin(channel.base_url)
    except channels.OwnOrigin as error:
        raise InvalidValue("base_url", str(error)) from error
    if not credential:
        return []
    channel.credential, channel.health = encrypt(credential), Channel.Health.HEALTHY
    return ["credential", "health"]


def _require_ours(channel: Channel, names: list[str], credential: str) -> None:
    fixed = sorted(set(names) & set(KEPT)) + (["credential"] if credential else [])
    if channel.from_environment and fixed:
        raise InvalidValue(
            fixed[0],
            f"{channel.name} comes from the environment: change its variables, and start again.",
        )


def _told(credential: str) -> dict[str, str]:
    """The audit trail blacks the value out; that there is a new one is told."""
    return {"credential": "new"} if credential else {}


# ---- what they share -----------------------------------------------------------------------------


@contextmanager
def _possible() -> Iterator[None]:
    """What the database forbids, as a sentence. Raises Conflict, InvalidValue."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if isinstance(error.__cause__, UniqueViolation):
            raise Conflict("There is one like this already.") from error
        raise InvalidValue("", "These values are not possible.") from error


def _validate(row: Row) -> None:
    try:
        row.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise InvalidValue(field, messages[0]) from error


def _names(row: Row) -> list[str]:
    return [field.attname for field in row._meta.concrete_fields if field.attname != "credential"]


def _facts(row: Row, names: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _seen() -> None:
    """This process reads anew at once, the others within seconds."""
    catalogue.refresh()
    channels.refresh()


def _record(verb: str, row: Row, reason: str, by: Actor, **what: Mapping[str, Any]) -> None:
    auditing.record(
        by=by,
        action=f"{row._meta.model_name}.{verb}",
        object_type=str(row._meta.model_name),
        object_id=row.pk,
        object_label=str(row),
        reason=reason,
        **what,  # type: ignore[arg-type]  # only `before` and `after`
    )
