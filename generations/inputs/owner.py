"""Whose picture it is."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Owner:
    """An organization in one of its modes, and the key that asks (None: a page)."""

    organization: UUID
    mode: str
    key: UUID | None = None
