"""CSV that streams in constant memory and opens harmlessly in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from django.http import StreamingHttpResponse

from runtime import database

FORMULA = ("=", "+", "-", "@", "\t", "\r")
Batch = tuple[Iterable[Sequence[Any]], Any]


def csv_answer(name: str, header: Sequence[str], read: Callable[[Any], Batch]) -> StreamingHttpResponse:
    """A file of rows. `read(position)` gives some rows and the position after them (None: that was
    all); it begins with None, and runs in the database threads."""
    answer = StreamingHttpResponse(_lines(header, read), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


async def _lines(header: Sequence[str], read: Callable[[Any], Batch]) -> AsyncIterator[bytes]:
    yield written([header])
    position: Any = None
    while True:
        rows, position = await database.run(partial(read, position))
        if chunk := written(rows):
            yield chunk
        if position is None:
            return


def written(rows: Iterable[Sequence[Any]]) -> bytes:
    """The rows as CSV in UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def cell(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula; numbers stay as they are."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value
