"""The rows of a list as a CSV file: the whole filter, streamed in batches, so that memory stays the same for
any number of rows (200,000 generations: a few megabytes at most, see tests/admin/test_exports.py)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse

from accounts import auditing
from accounts.access import Permission
from accounts.admin import glass
from accounts.admin.who import actor, may
from accounts.api.exports import Batch, csv_answer
from runtime.clock import utc_now
from runtime.tenancy import operator

if TYPE_CHECKING:
    from accounts.admin.base import ReadOnlyAdmin

BATCH = 500


class Field(NamedTuple):
    """A column of the file. A `private` one is empty for rows that are sealed."""

    title: str
    value: Callable[[Any], Any]
    private: bool = False


def view(request: HttpRequest, model_admin: ReadOnlyAdmin) -> StreamingHttpResponse:
    """The current filter as a file. What was taken is noted before the first row leaves."""
    if not (may(request, Permission.EXPORT_MAKE) and may(request, model_admin.permission)):
        raise PermissionDenied
    with operator():
        changes = model_admin.get_changelist_instance(request)
        rows, key = changes.whole, changes.keyset
    seen = [field for field in model_admin.export if not field.private or glass.sees_any(request)]
    auditing.record(
        by=actor(request),
        action="export.make",
        object_type=str(model_admin.model._meta.model_name),
        object_label=model_admin.heading,
        after={"filter": request.GET.urlencode()},
    )
    name = f"{model_admin.heading.lower().replace(' ', '-')}-{utc_now():%Y%m%d-%H%M}"
    return csv_answer(name, [field.title for field in seen], _Reader(request, model_admin, rows, key, seen))


class _Reader:
    """Reads a batch after a position, in the operator's scope."""

    def __init__(
        self, request: HttpRequest, page: ReadOnlyAdmin, rows: QuerySet[Any], key: str, fields: list[Field]
    ) -> None:
        self._request, self._page, self._key, self._fields = request, page, key, fields
        self._rows = rows.order_by(f"-{key}", "-pk")

    def __call__(self, position: Any) -> Batch:
        with operator():
            found = list(self._after(position)[:BATCH])
            self._page.mark(self._request, found)
            lines = [[_shown(field, row) for field in self._fields] for row in found]
        last = found[-1] if len(found) == BATCH else None
        return lines, last and (getattr(last, self._key), last.pk)

    def _after(self, position: Any) -> QuerySet[Any]:
        """By (key, primary key): several rows may share a key."""
        if position is None:
            return self._rows
        key, pk = position
        if self._key == self._page.model._meta.pk.attname:
            return self._rows.filter(pk__lt=pk)
        return self._rows.filter(**{f"{self._key}__lte": key}).exclude(**{self._key: key, "pk__gte": pk})


def _shown(field: Field, row: Any) -> Any:
    if field.private and getattr(row, "sealed", True):
        return ""
    value = field.value(row)
    return value.astimezone(UTC).isoformat(timespec="milliseconds") if isinstance(value, datetime) else value
