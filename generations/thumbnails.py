"""Small pictures for pages: made from the stored one when first asked for, kept in this process's memory.

Nothing is stored: a picture that is deleted leaves nothing small of it behind. Who serves one asks first
whether its picture is still kept.
"""

from __future__ import annotations

import asyncio
import io
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from PIL import Image

WIDTHS: Final = (160, 400, 800)
MIME: Final = "image/webp"
QUALITY: Final = 80
KEPT_BYTES: Final = 48 * 2**20
MAKERS: Final = 2
"""Threads of this process: decoding a picture takes some 30 ms of a core."""
_FORMATS = ["PNG", "JPEG", "WEBP"]


class Shelf:
    """What was made lately, up to `limit` bytes; what was looked at last goes last."""

    def __init__(self, limit: int = KEPT_BYTES) -> None:
        self._limit, self._size = limit, 0
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str, width: int) -> bytes | None:
        with self._lock:
            if (found := self._kept.get((key, width))) is not None:
                self._kept.move_to_end((key, width))
            return found

    def put(self, key: str, width: int, data: bytes) -> None:
        with self._lock:
            self._size -= len(self._kept.pop((key, width), b""))
            self._kept[key, width] = data
            self._size += len(data)
            while self._size > self._limit:
                self._size -= len(self._kept.popitem(last=False)[1])


_shelf = Shelf()
_makers = ThreadPoolExecutor(MAKERS, thread_name_prefix="thumbnails")


def wanted(text: str) -> int | None:
    """The width that `?w=` names; None for one that is not made."""
    return next((width for width in WIDTHS if text == str(width)), None)


async def small(key: str, width: int, read: Callable[[], bytes]) -> bytes:
    """The picture under a storage key as WebP, at most `width` pixels wide. `read` gives its bytes and
    is called in a thread. Raises what `read` raises, and OSError for what does not decode."""
    if (found := _shelf.get(key, width)) is not None:
        return found
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_makers, partial(_make, key, width, read))


def _make(key: str, width: int, read: Callable[[], bytes]) -> bytes:
    if (found := _shelf.get(key, width)) is None:  # a neighbour may have asked for the same
        found = shrunk(read(), width)
        _shelf.put(key, width, found)
    return found


def shrunk(data: bytes, width: int) -> bytes:
    """As WebP, in its own proportions, never larger than it was. Raises OSError."""
    with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
        height = max(1, round(picture.height * width / picture.width))
        picture.draft("RGB", (width, height))  # JPEG decodes to about that size at once
        mode = "RGBA" if picture.has_transparency_data else "RGB"
        small = picture.convert(mode)
        small.thumbnail((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
        small.save(out := io.BytesIO(), "WEBP", quality=QUALITY, method=2)
    return out.getvalue()
