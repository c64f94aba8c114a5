"""Lists that go on: a page, and the cursor of the next one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rest_framework import serializers

from accounts.api.fields import Strict
from accounts.api.problems import invalid
from runtime import cursors

MOST, USUAL = 100, 25


class PageQuery(Strict):
    """How much of a list, and from where on."""

    limit = serializers.IntegerField(
        default=USUAL, min_value=1, max_value=MOST, help_text="Items on the page."
    )
    cursor = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=cursors.LONGEST,
        help_text="`next_cursor` of the page before.",
    )


class Pager:
    """One page of a list of one organization: `bound` names the list and its filters, so that a cursor
    opens the very same list and no other."""

    def __init__(self, query: dict[str, Any], *bound: object) -> None:
        filters = {name: str(value) for name, value in query.items() if name not in ("limit", "cursor")}
        self._bound = (*bound, json.dumps(filters, sort_keys=True))
        self.size: int = query["limit"]
        self._cursor: str = query["cursor"]

    def position(self) -> list[Any] | None:
        """Where the page begins; None at the beginning. Raises Refused for a cursor of another list."""
        if not self._cursor:
            return None
        try:
            return cursors.read(self._cursor, *self._bound)
        except cursors.CursorProblem:
            raise invalid("cursor", "This is not a cursor of this list. Begin again without one.") from None

    def answer(self, data: Iterable[Any], position: Sequence[Any] | None) -> dict[str, Any]:
        """The page, and the cursor for the position after its last item (None at the end)."""
        following = cursors.write(position, *self._bound) if position else None
        return {"data": list(data), "next_cursor": following}

    def page(self, rows: Sequence[Any], shown: Callable[[Any], Any], at: Callable[[Any], list[Any]]) -> Any:
        """The page of rows of which one more than its size was read, if there were so many."""
        kept = rows[: self.size]
        return self.answer(map(shown, kept), at(kept[-1]) if len(rows) > self.size else None)
