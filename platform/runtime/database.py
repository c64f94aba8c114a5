"""The only way from async code to the database.

One default `sync_to_async` per request keeps a thread per waiting request. Here a few threads,
each with its own persistent connection opened after fork, serve the whole process, and nobody
holds one while waiting for an upstream.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import select
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from weakref import WeakSet

from django.db import Error, InterfaceError, OperationalError, connection

from runtime.errors import DatabaseUnavailable

T = TypeVar("T")

THREADS = int(os.environ.get("EASEL_DATABASE_THREADS", "4"))
IDLE_CHECK_SECONDS = 5.0
READ_ONLY = "25006"
"""PostgreSQL's word for a server that takes nothing for now: a standby, or one without space."""

_executor: ThreadPoolExecutor | None = None
_opened: WeakSet[Any] = WeakSet()
_used = threading.local()


def _threads() -> ThreadPoolExecutor:
    global _executor
    if _executor is None:
        _executor = ThreadPoolExecutor(THREADS, thread_name_prefix="database")
    return _executor


def _forget() -> None:
    """A forked child must not share its parent's threads or sockets."""
    global _executor
    _executor = None
    _opened.clear()


os.register_at_fork(after_in_child=_forget)


async def run(block: Callable[[], T]) -> T:
    """Run a synchronous block of database work in one of the process's database threads.

    The caller's context variables (request id, tenant) are seen by the block. Raises
    DatabaseUnavailable when the database does not answer, otherwise whatever the block raises.
    """
    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(_threads(), context.run, _call_in_thread, block)


def _call_in_thread(block: Callable[[], T]) -> T:
    try:
        return call(block)
    finally:
        if connection.connection is not None:
            _opened.add(connection.connection)


def call(block: Callable[[], T]) -> T:
    """Run a block of database work in this very thread, with the same care: a broken connection is
    made anew before it. Raises as `run` does."""
    _ensure_healthy()
    try:
        return block()
    except Error as error:
        if not is_away(error):
            raise
        connection.close()
        raise DatabaseUnavailable(str(error)) from error
    finally:
        _used.at = time.monotonic()


def is_away(error: BaseException) -> bool:
    """Whether an error means that the database does not answer, or takes nothing for now: not what was
    asked is wrong, and asking later helps."""
    if isinstance(error, (DatabaseUnavailable, OperationalError, InterfaceError)):
        return True
    return getattr(error.__cause__, "sqlstate", None) == READ_ONLY


def _ensure_healthy() -> None:
    """Drop a connection that broke, that the server ended, or that slept through a restart."""
    raw = connection.connection
    if raw is None:
        return
    if raw.closed or raw.broken or (_doubtful(raw) and not connection.is_usable()):
        connection.close()


def _doubtful(raw: Any) -> bool:
    """Whether it is worth a question: it was idle for long, or the server spoke unasked, as one does who
    hangs up. Noticing that here, before anything was begun, costs nobody his request."""
    if time.monotonic() - getattr(_used, "at", 0.0) > IDLE_CHECK_SECONDS:
        return True
    look = select.poll()
    look.register(raw.fileno(), select.POLLIN)
    return bool(look.poll(0))


def close() -> None:
    """End the database threads and their connections, which Python would only collect some day. For
    the end of a drain or a process, and for tests."""
    global _executor
    if _executor is not None:
        _executor.shutdown(wait=True)
        _executor = None
    while _opened:
        _opened.pop().close()
