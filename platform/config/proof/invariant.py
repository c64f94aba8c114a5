"""What the proof is made of: sentences that must hold, and queries that find where one does not.

Nothing here imports what writes the money: every query is written from the tables' meaning alone,
so that an error in the writer cannot hide in its judge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


def of(column: str = "organization_id") -> str:
    """The condition that limits a table to the organization that is proved (NULL: all of them)."""
    return f"(%(organization)s::uuid IS NULL OR {column} = %(organization)s::uuid)"


OF = of()
TEAM = "coalesce((SELECT slug FROM accounts_organization WHERE id = organization_id), organization_id::text)"
"""What people call the organization of a row."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A row and what is wrong with it."""

    row: str
    what: str


Judge = Callable[[Iterator[tuple[Any, ...]]], Iterator[Broken]]


@dataclass(frozen=True, slots=True)
class Invariant:
    """A sentence that must hold, under its id in the papers.

    `sql` takes `%(organization)s` (a uuid, or NULL for all) and returns (row, what) for everything
    that breaks it. What SQL cannot compute is recomputed by `judge` from the rows that `sql` returns.
    `whole` ones speak of the installation and are left out when one organization is proved.
    """

    id: str
    sentence: str
    sql: str
    judge: Judge | None = None
    whole: bool = False
