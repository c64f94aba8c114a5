"""The contract of every store, and what they share: keys, tries, threads.

Keys are plain (`a-z 0-9 . _ -` in segments joined by `/`) and written once. `put` returns only when
the object is durable and was read back whole, so that the money which follows it is always for an
image that exists. Synchronous methods run in the caller's thread; their `a...` twins run in a small
pool of the process and hold no thread while they wait for another try.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

from runtime.errors import RuntimeProblem

T = TypeVar("T")

THREADS = 16
CHUNK = 256 * 1024  # bytes
PUT_SECONDS = 60.0
MAX_KEY = 512
_KEY = re.compile(r"[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*")
_PREFIX = re.compile(r"(?:[a-z0-9][a-z0-9._-]*/)*(?:[a-z0-9][a-z0-9._-]*)?")


class StorageError(RuntimeProblem):
    """The store did not do what it was asked. `retryable` says whether another try may help."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class Missing(StorageError):
    """There is no object under this key."""


class AlreadyStored(StorageError):
    """The key is taken: objects are written once."""


class Folder(Protocol):
    """A place on this machine; hashable."""

    @property
    def path(self) -> Path: ...


@runtime_checkable
class Bucket(Protocol):
    """A bucket, or the part of it below `prefix`; hashable. `endpoint` and `region` are empty where
    the client's own defaults are right; credentials come from the standard AWS variables."""

    @property
    def bucket(self) -> str: ...
    @property
    def prefix(self) -> str: ...
    @property
    def endpoint(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def path_style(self) -> bool: ...


class Stored(NamedTuple):
    """One object of a listing; `modified` is timezone-aware."""

    key: str
    bytes: int
    modified: datetime


class Body(Protocol):
    """An open object, read from its start to its end."""

    def read(self, amount: int) -> bytes:
        """The next bytes, b"" at the end. Raises StorageError, also when the object ends early."""
        ...

    def close(self) -> None: ...


class Storage(ABC):
    """A store of whole objects. Every method raises StorageError."""

    def put(self, key: str, data: bytes, mime: str, *, deadline: float = PUT_SECONDS) -> None:
        """Store `data` durably under a new key and read it back.

        Failures that may pass are tried again for `deadline` seconds (the last try may overrun it
        by the store's own time limits). Raises AlreadyStored, or the last try's StorageError.
        """
        pauses = _pauses(deadline)
        for step in self._steps(key, data, mime):
            while (pause := _attempt(step, pauses)) is not None:
                time.sleep(pause)

    async def aput(self, key: str, data: bytes, mime: str, *, deadline: float = PUT_SECONDS) -> None:
        """As `put`, from async code."""
        pauses = _pauses(deadline)
        for step in self._steps(key, data, mime):
            while (pause := await in_thread(partial(_attempt, step, pauses))) is not None:  # noqa: ASYNC110 - a back-off, not a poll
                await asyncio.sleep(pause)

    def _steps(self, key: str, data: bytes, mime: str) -> tuple[Callable[[], None], ...]:
        # Once the key is known to be free, whatever a later try finds there is an earlier try's.
        check_key(key)
        if not data:
            raise StorageError(f"There are no bytes to store under {key}.")
        return partial(self._refuse_taken, key), partial(self._write, key, data, mime)

    def _refuse_taken(self, key: str) -> None:
        if self.exists(key):
            raise AlreadyStored(f"There is already an object under {key}.")

    @abstractmethod
    def _write(self, key: str, data: bytes, mime: str) -> None:
        """One try: store, make durable, read back. May replace what an earlier try left."""

    @abstractmethod
    def read(self, key: str) -> bytes:
        """The whole object. Raises Missing."""

    @abstractmethod
    def open(self, key: str, start: int = 0, end: int | None = None) -> Body:
        """The object from byte `start` up to, not including, byte `end` (or its own end, which may
        come before). Raises Missing; StorageError when there is no such byte."""

    @abstractmethod
    def size(self, key: str) -> int:
        """The object's length in bytes. Raises Missing."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove the object; one that is not there is no error."""

    @abstractmethod
    def list(self, prefix: str) -> Iterator[Stored]:
        """Every object whose key starts with `prefix`, lazily and in no promised order."""

    def exists(self, key: str) -> bool:
        """Whether there is an object under the key."""
        try:
            self.size(key)
        except Missing:
            return False
        return True

    async def aread(self, key: str) -> bytes:
        """As `read`, from async code."""
        return await in_thread(partial(self.read, key))

    async def asize(self, key: str) -> int:
        """As `size`, from async code."""
        return await in_thread(partial(self.size, key))

    async def aexists(self, key: str) -> bool:
        """As `exists`, from async code."""
        return await in_thread(partial(self.exists, key))

    async def adelete(self, key: str) -> None:
        """As `delete`, from async code."""
        await in_thread(partial(self.delete, key))

    async def open_range(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to, not including, `end`, in chunks of at most 256 KB.

        Nothing is opened before the first chunk is asked for; then it raises Missing. No thread is
        held between two chunks, however slowly they are taken.
        """
        body = await in_thread(partial(self.open, key, start, end))
        try:
            while chunk := await in_thread(partial(body.read, CHUNK)):
                yield chunk
        finally:
            body.close()


def check_key(key: str) -> str:
    """The key, if it is one. Raises StorageError."""
    if len(key) > MAX_KEY or not _KEY.fullmatch(key):
        raise StorageError(f"{key[:80]!r} is not a storage key.")
    return key


def check_prefix(prefix: str) -> str:
    """The prefix of a listing, if keys can begin with it. Raises StorageError."""
    if len(prefix) > MAX_KEY or not _PREFIX.fullmatch(prefix):
        raise StorageError(f"{prefix[:80]!r} is not a prefix of storage keys.")
    return prefix


def check_range(key: str, start: int, end: int | None) -> None:
    """Raises StorageError unless `start` and `end` name at least one byte."""
    if start < 0 or (end is not None and end <= start):
        raise StorageError(f"{key} has no bytes {start} to {end}.")


def _pauses(deadline: float) -> Iterator[float]:
    """Seconds to wait before each next try: random up to 0.2, 0.4, ... 5; none past the deadline."""
    ends, longest = time.monotonic() + deadline, 0.2
    while time.monotonic() + (pause := random.uniform(0, longest)) < ends:  # noqa: S311 - no secret
        yield pause
        longest = min(2 * longest, 5.0)


def _attempt(step: Callable[[], None], pauses: Iterator[float]) -> float | None:
    """None when the step is done, else the seconds after which to try it again."""
    try:
        step()
    except StorageError as error:
        # Missing after a write: the folder was just pruned, or a server forgot what it took.
        pause = next(pauses, None) if error.retryable or isinstance(error, Missing) else None
        if pause is None:
            raise
        return pause
    return None


# ---- the process's threads -------------------------------------------------------------------

_executor: ThreadPoolExecutor | None = None


async def in_thread(block: Callable[[], T]) -> T:
    """Run a blocking storage call in one of the process's storage threads."""
    global _executor
    if _executor is None:
        _executor = ThreadPoolExecutor(THREADS, thread_name_prefix="storage")
    return await asyncio.get_running_loop().run_in_executor(_executor, block)


def _forget() -> None:
    """A forked child must not share its parent's threads."""
    global _executor
    _executor = None


os.register_at_fork(after_in_child=_forget)
