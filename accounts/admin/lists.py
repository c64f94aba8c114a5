"""Lists that cost the same however long a history is."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.contrib.admin.utils import build_q_object_from_lookup_parameters
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.views import ChangeList

from runtime.ids import seconds_of

MOST_ROWS = 5_000
SCANNED = 20_000


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # of whatever the page lists
    """Counts to 5,000 and no further: nobody turns a hundred pages, and counting millions takes seconds."""

    template_name = "admin/pager.html"

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        return int(rows[: MOST_ROWS + 1].count())

    @cached_property
    def count(self) -> int:
        return min(self._counted, MOST_ROWS)

    @cached_property
    def more(self) -> bool:
        """Whether there are rows beyond those that can be paged to."""
        return self._counted > MOST_ROWS


class WindowedList(ChangeList):  # type: ignore[misc]  # unfold publishes no types
    """A list of a history, newest first.

    What narrows it by an index is applied to all of it. A filter without one (`loose`) is applied to the
    newest 20,000 rows that are left: `floor` is the last row of those that were looked at, and `further`
    the address that goes on from there.
    """

    floor: Any = None
    whole: QuerySet[Any]

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        self.whole = rows
        if not any(self._loose(spec) and spec.value() for spec in self.filter_specs):
            return rows
        self.floor = self._find_floor(request)
        return rows if self.floor is None else rows.filter(**{f"{self.keyset}__gte": self.floor})

    @property
    def keyset(self) -> str:
        """The column that orders the list."""
        column: str = self.model_admin.keyset or self.model._meta.pk.attname
        return column

    def _find_floor(self, request: HttpRequest) -> Any:
        rows = self.root_queryset
        for spec in self.filter_specs:
            if not self._loose(spec):
                narrowed = spec.queryset(request, rows)
                rows = rows if narrowed is None else narrowed
        remaining = self.get_filters(request)[2]
        rows = rows.filter(build_q_object_from_lookup_parameters(remaining))
        rows, _ = self.model_admin.get_search_results(request, rows, self.query)
        last = rows.order_by(f"-{self.keyset}").values_list(self.keyset, flat=True)
        return last[SCANNED - 1 : SCANNED].first()

    @staticmethod
    def _loose(spec: Any) -> bool:
        return bool(getattr(spec, "loose", False))

    @property
    def further(self) -> str:
        """The same list, from the end of this window on."""
        address: str = self.get_query_string({f"{self.keyset}__lt": str(self.floor), "p": None})
        return address

    @property
    def reached(self) -> datetime | None:
        """The time of the last row that was looked at, where its id tells."""
        if not isinstance(self.floor, UUID):
            return None
        return datetime.fromtimestamp(seconds_of(self.floor), UTC)
