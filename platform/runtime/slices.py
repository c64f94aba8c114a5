"""One page of a long list, newest first, with the way to the newer and to the older ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Self, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet

M = TypeVar("M", bound=Model)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Position:
    """A place between rows: at the row of this moment and id. As text it stands in addresses."""

    at: datetime
    id: UUID

    def __str__(self) -> str:
        return f"{(self.at - EPOCH) // timedelta(microseconds=1)}-{self.id.hex}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """What `str` made. Raises ValueError for anything else."""
        micros, dash, identifier = text.partition("-")
        if not dash or len(micros) > 18:
            raise ValueError("not a position")
        return cls(EPOCH + timedelta(microseconds=int(micros)), UUID(hex=identifier))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: below a position, above one, or at the top (neither)."""

    before: Position | None = None
    after: Position | None = None

    @classmethod
    def read(cls, address: Any) -> Self:
        """From an address's `before` and `after` (a mapping of texts). Raises ValueError."""
        found = {name: address.get(name) for name in ("before", "after")}
        return cls(**{name: Position.parse(text) for name, text in found.items() if text})


@dataclass(frozen=True, slots=True)
class Slice(Generic[M]):
    """Rows, newest first, and where the `newer` and the `older` ones are (None: there are none)."""

    rows: tuple[M, ...]
    newer: Position | None = None
    older: Position | None = None


def cut(rows: QuerySet[M], place: Place, size: int, by: str = "created_at") -> Slice[M]:
    """Up to `size` rows in the order of their moments (`by`), the newest first. One query: whether there
    are any on the other side is known from how the page was reached."""
    if place.after is not None:
        found = list(rows.filter(_beyond(place.after, by, "gt")).order_by(by, "pk")[: size + 1])
        kept = tuple(reversed(found[:size]))
        newer = _at(kept[0], by) if len(found) > size else None
        return Slice(kept, newer, _at(kept[-1], by) if kept else place.after)
    if place.before is not None:
        rows = rows.filter(_beyond(place.before, by, "lt"))
    found = list(rows.order_by(f"-{by}", "-pk")[: size + 1])
    kept = tuple(found[:size])
    above = _at(kept[0], by) if kept else place.before
    return Slice(kept, above if place.before else None, _at(kept[-1], by) if len(found) > size else None)


def _beyond(position: Position, by: str, side: str) -> Q:
    """With the moment alone too, which an index understands."""
    tie = Q(**{by: position.at, f"pk__{side}": position.id})
    return Q(**{f"{by}__{side}e": position.at}) & (Q(**{f"{by}__{side}": position.at}) | tie)


def _at(row: Model, by: str) -> Position:
    return Position(getattr(row, by), row.pk)
