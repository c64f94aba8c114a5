"""Objects as files of one folder: for a single machine, and for development."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from runtime.storage.base import (
    AlreadyStored,
    Body,
    Missing,
    Storage,
    StorageError,
    Stored,
    check_key,
    check_prefix,
    check_range,
)

# What no second try changes: rights and the shape of the file system.
_LASTING = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR}
)


class Files(Storage):
    """A folder that only this user may read. A file appears under its name complete or not at all,
    and both the file and the name survive a power cut."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def _write(self, key: str, data: bytes, mime: str) -> None:
        path = self._path(key)
        with _told(key):
            _make_folder(path.parent)
            # A valid key next to its target: what a crash leaves here is listed as an orphan.
            part = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
            try:
                _write_through(part, data)
                _link(part, path, data)
            finally:
                part.unlink(missing_ok=True)
            _sync_folder(path.parent)
            if path.stat().st_size != len(data):
                raise StorageError(f"{key} was not stored whole.", retryable=True)

    def read(self, key: str) -> bytes:
        with _told(key):
            return self._path(key).read_bytes()

    def open(self, key: str, start: int = 0, end: int | None = None) -> Body:
        check_range(key, start, end)
        size = self.size(key)
        if start >= size:
            raise StorageError(f"{key} has {size} bytes, none at {start}.")
        with _told(key):
            file = self._path(key).open("rb")
            file.seek(start)
        return _Slice(file, key, min(end or size, size) - start)

    def size(self, key: str) -> int:
        with _told(key):
            return self._path(key).stat().st_size

    def delete(self, key: str) -> None:
        path = self._path(key)
        with _told(key):
            path.unlink(missing_ok=True)
            for folder in path.parents:
                if folder == self.root or not _removed(folder):
                    return

    def list(self, prefix: str) -> Iterator[Stored]:
        folder = self.root / check_prefix(prefix).rpartition("/")[0]
        for parent, _, names in os.walk(folder):
            for name in names:
                path = Path(parent) / name
                key = path.relative_to(self.root).as_posix()
                if key.startswith(prefix) and (found := _stored(key, path)):
                    yield found

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)


class _Slice:
    """A stretch of an open file."""

    def __init__(self, file: BinaryIO, key: str, left: int) -> None:
        self._file, self._key, self._left = file, key, left

    def read(self, amount: int) -> bytes:
        with _told(self._key):
            chunk = self._file.read(min(amount, self._left))
        if self._left and not chunk:
            raise StorageError(f"{self._key} ended early.", retryable=True)
        self._left -= len(chunk)
        return chunk

    def close(self) -> None:
        self._file.close()


@contextmanager
def _told(key: str) -> Iterator[None]:
    """Turns the system's errors into ours."""
    try:
        yield
    except FileNotFoundError as error:
        raise Missing(f"There is no object under {key}.") from error
    except OSError as error:
        raise StorageError(f"{key}: {error.strerror}", retryable=error.errno not in _LASTING) from error


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(folder.parent)


def _write_through(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _link(part: Path, path: Path, data: bytes) -> None:
    # A link, unlike a rename, never replaces a file that is there already.
    try:
        path.hardlink_to(part)
    except FileExistsError:
        if path.read_bytes() != data:
            raise AlreadyStored(f"There is already an object under {path.name}.") from None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:  # not empty, or gone already
        return False
    return True


def _stored(key: str, path: Path) -> Stored | None:
    try:
        status = path.stat()
    except FileNotFoundError:  # deleted since the folder was read
        return None
    return Stored(key, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))
