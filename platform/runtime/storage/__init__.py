"""Where images are kept: local files or a private S3 bucket behind one small interface.

default()             the store that `EASEL_STORAGE` names
open_storage(place)   the store at a place, one per process
"""

from __future__ import annotations

import os
from functools import lru_cache

from django.conf import settings

from runtime.storage.base import (
    CHUNK,
    AlreadyStored,
    Bucket,
    Folder,
    Missing,
    Storage,
    StorageError,
    Stored,
)
from runtime.storage.files import Files

__all__ = [
    "CHUNK",
    "AlreadyStored",
    "Bucket",
    "Folder",
    "Missing",
    "Storage",
    "StorageError",
    "Stored",
    "default",
    "open_storage",
]


@lru_cache(maxsize=8)
def open_storage(place: Folder | Bucket) -> Storage:
    """The store at a place, one per process."""
    if not isinstance(place, Bucket):
        return Files(place.path)
    from runtime.storage.s3 import S3  # a third of a second to import, for those who need it

    return S3(place)


def default() -> Storage:
    """The store that `EASEL_STORAGE` names."""
    return open_storage(settings.EASEL.storage)


# A forked child must not share its parent's sockets.
os.register_at_fork(after_in_child=open_storage.cache_clear)
