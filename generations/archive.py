"""Stored files as one zip, streamed: a file in memory at a time, nothing written down.

Pictures are compressed already: the zip only puts them together.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from runtime import storage


@dataclass(frozen=True, slots=True)
class File:
    """A file of the zip: its name there, where its bytes are, and its date."""

    name: str
    storage_key: str
    at: datetime


class _Outbox(io.RawIOBase):
    """What was written since it was last taken; cannot be gone back in."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self._parts.append(bytes(data))  # type: ignore[call-overload]  # any buffer
        return len(self._parts[-1])

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


async def stream(files: Sequence[File]) -> AsyncIterator[bytes]:
    """The zip, piece by piece. A file that is gone by now stands in it as a line that says so."""
    outbox = _Outbox()
    with zipfile.ZipFile(outbox, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            name, data = await _read(file)
            info = zipfile.ZipInfo(name, date_time=file.at.timetuple()[:6])
            archive.writestr(info, data)
            yield outbox.take()
    yield outbox.take()


async def _read(file: File) -> tuple[str, bytes]:
    try:
        return file.name, await storage.default().aread(file.storage_key)
    except storage.StorageError:
        return f"{file.name}.txt", b"This image is no longer kept, or could not be read.\n"
