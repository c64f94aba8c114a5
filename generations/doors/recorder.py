"""The request history: every call leaves a row, also the refused ones.

Rows of accepted submits are written in the submit's transaction and completed here; all others come
through a bounded buffer that is flushed every 250 ms, at 500 rows, and at shutdown. A `kill -9` may
lose 250 ms of rows that moved no money. What was said goes with them, as far as there is room.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import structlog
from django.db import connection
from prometheus_client import Counter

from generations import transcripts
from generations.models import ApiRequest, Transcript
from runtime import database
from runtime.errors import DatabaseUnavailable
from runtime.tenancy import history, work

log = structlog.get_logger(__name__)

FLUSH_SECONDS, FLUSH_ROWS, MOST_ROWS = 0.25, 500, 20_000
MOST_TRANSCRIPTS = 2_000  # of up to 16 KiB
dropped = Counter("easel_request_rows_dropped", "Rows of the request history lost to a full buffer.")

_COLUMNS = (
    "id", "at", "request_id", "organization_id", "mode", "key_id", "member_id", "door", "method", "path",
    "status", "kind", "generation_id", "replayed", "milliseconds", "bytes_in", "bytes_out", "ip", "agent",
)  # fmt: skip
_ROW = "(" + ", ".join(["%s"] * len(_COLUMNS)) + ")"
_INSERT = f"INSERT INTO generations_apirequest ({', '.join(_COLUMNS)}) VALUES "  # noqa: S608 - our own names
_COMPLETE = """
    UPDATE generations_apirequest r
    SET status = done.status, kind = done.kind, milliseconds = done.milliseconds, bytes_out = done.bytes_out
    FROM unnest(%s::uuid[], %s::int[], %s::text[], %s::int[], %s::int[])
        AS done (id, status, kind, milliseconds, bytes_out)
    WHERE r.id = done.id
"""


class Recorder:
    """Buffers finished requests of one process."""

    def __init__(self) -> None:
        self._new: list[ApiRequest] = []
        self._stored: list[ApiRequest] = []
        self._said: list[Transcript] = []
        self._full = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._flush_forever())

    async def stop(self) -> None:
        """Write what is left."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._flush()

    def done(self, request: ApiRequest, said: Transcript | None, *, stored: bool) -> None:
        """A request was answered. `stored` says that its row exists already."""
        if said and len(self._said) < MOST_TRANSCRIPTS:
            self._said.append(said)
        rows = self._stored if stored else self._new
        if len(rows) >= MOST_ROWS:
            dropped.inc()
            return
        rows.append(request)
        if len(rows) >= FLUSH_ROWS:
            self._full.set()

    async def _flush_forever(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), FLUSH_SECONDS)
            self._full.clear()
            await self._flush()

    async def _flush(self) -> None:
        new, self._new = self._new, []
        stored, self._stored = self._stored, []
        said, self._said = self._said, []
        try:
            if new:
                await database.run(lambda: insert(new))
            if stored:
                await database.run(lambda: _complete(stored))
            if said:
                await database.run(lambda: transcripts.keep(said))
        except DatabaseUnavailable:
            self._new, self._stored = new[:MOST_ROWS] + self._new, stored[:MOST_ROWS] + self._stored
        except Exception:
            log.exception("history.flush_failed", rows=len(new) + len(stored))


def insert(rows: Sequence[ApiRequest]) -> None:
    """Plain SQL: the history role may insert and not read, so nothing may be returned."""
    values = [getattr(row, column) for row in rows for column in _COLUMNS]
    with history(), connection.cursor() as cursor:
        cursor.execute(_INSERT + ", ".join([_ROW] * len(rows)), values)


def _complete(rows: Sequence[ApiRequest]) -> None:
    columns = ("pk", "status", "kind", "milliseconds", "bytes_out")
    with work(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
        cursor.execute(_COMPLETE, [[getattr(row, column) for row in rows] for column in columns])
