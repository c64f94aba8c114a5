"""From what engines gave to what is kept: judged, mended where it was ordered, put into storage.

Harvest(mine, size)     the good images of one attempt, from however many calls
.take(outcome)          add those of a call
.store()                put them all; only then may they be charged
read(key, seconds)      an input's bytes, however long the store is away
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from generations import outputs
from generations.actions import finish
from generations.actions.claim import Claimed
from generations.errors import ProviderError
from generations.models import Output
from generations.provider import shaped
from generations.spec import Image, Kind, Outcome, Refusal, Size, Text
from runtime import clock, storage
from runtime.failpoints import failpoint

T = TypeVar("T")

STORE_SECONDS = 100.0
"""How long a put is tried again within the attempt, while the store is away."""
LIGHT = 128 * 1024
"""Bytes of an image up to which walking it takes less than handing it to a thread."""


@dataclass(frozen=True, slots=True)
class Good:
    """An image that is whole and worth its price. Bytes are as they came, unless another format or a
    mask was ordered."""

    data: bytes
    verified: outputs.Verified
    signature: str | None


@dataclass(slots=True)
class Harvest:
    """The good images of an attempt (at most as many as ordered), the ordered parts, what was wrong with
    other images, and how many more came than were ordered."""

    mine: Claimed
    size: Size
    good: list[Good] = field(default_factory=list)
    parts: list[Mapping[str, Any]] = field(default_factory=list)
    spoiled: list[str] = field(default_factory=list)
    surplus: int = 0
    refused: bool = False

    @property
    def missing(self) -> int:
        return self.mine.count - len(self.good)

    async def take(self, outcome: Outcome) -> int:
        """Add the parts of a call. Returns how many of its images were bad. Raises StorageError when the
        pictures that a mask belongs to cannot be read."""
        bad = 0
        for part in outcome.parts:
            if isinstance(part, Text):
                self.parts.append({"text": part.text, "thought": part.thought, "signature": part.signature})
            elif isinstance(part, Refusal):
                self.refused = True
                self.parts.append({"refusal": part.category, "stage": part.stage, "message": part.message})
            elif not self.missing:
                self.surplus += 1
            elif not await self._add(part):
                bad += 1
        return bad

    def spoilt(self) -> ProviderError | None:
        """The failure of a call that brought nothing but bad images; its words are worth nothing then."""
        if self.good or self.refused:
            return None
        self.parts.clear()
        return ProviderError(Kind.UPSTREAM_ERROR, self.spoiled[-1], retryable=True)

    async def _add(self, image: Image) -> bool:
        try:
            good = await self._checked(image)
        except outputs.BadImage as error:
            self.spoiled.append(f"image refused: {error}")
            return False
        self.parts.append({"image": len(self.good), "signature": image.signature})
        self.good.append(good)
        return True

    async def _checked(self, image: Image) -> Good:
        """Raises BadImage."""
        order, data = self.mine.order, image.data
        verified, plain = await _beside(partial(self._judged, data), len(data))
        if plain:
            await asyncio.to_thread(outputs.refuse_plain, data)
        if any(stored.role == "mask" for stored in order.inputs):
            data = await self._restored(data)
        if order.format and (data is not image.data or verified.mime != f"image/{order.format}"):
            data = await asyncio.to_thread(outputs.convert, data, order.format, order.compression)
        if data is not image.data:
            verified = await _beside(partial(outputs.verify, data), len(data))
        return Good(data, verified, image.signature)

    def _judged(self, data: bytes) -> tuple[outputs.Verified, bool]:
        """A whole image of the right shape, and whether it looks plain. Raises BadImage."""
        verified = outputs.verify(data)
        outputs.judge(verified, self.size, self.mine.order.inputs, exact=shaped(self.mine.order))
        return verified, outputs.looks_plain(data, verified)

    async def _restored(self, data: bytes) -> bytes:
        """The image with everything outside the mask as it was in the first input."""
        first: dict[str, str] = {}
        for stored in self.mine.order.inputs:
            first.setdefault(stored.role, stored.key)
        if "image" not in first:
            return data
        original, mask = [await read(first[role], STORE_SECONDS) for role in ("image", "mask")]
        return await asyncio.to_thread(outputs.restore, data, original, mask)

    async def store(self) -> tuple[finish.Stored, ...]:
        """Put all images under keys of their own. Raises StorageError."""
        puts = (self._put(number, image) for number, image in enumerate(self.good))
        return tuple(await asyncio.gather(*puts))

    async def _put(self, number: int, image: Good) -> finish.Stored:
        mine, found = self.mine, image.verified
        day, ids = mine.created_at.date(), (mine.organization, mine.id)
        key = outputs.key(mine.mode, day, *ids, mine.attempt, number, found.extension)
        left = (mine.deadline_at - clock.utc_now()).total_seconds()
        await storage.default().aput(key, image.data, found.mime, deadline=max(min(STORE_SECONDS, left), 1.0))
        failpoint("storage.after_put")
        size = found.width, found.height
        return finish.Stored(key, found.mime, *size, len(image.data), found.sha256, image.signature)

    def rows(self, stored: tuple[finish.Stored, ...]) -> tuple[Output, ...]:
        """The outputs' rows as the finish wrote them."""
        names = {"mime", "width", "height", "bytes", "sha256", "signature"}
        return tuple(
            Output(
                organization_id=self.mine.organization,
                generation_id=self.mine.id,
                number=number,
                storage_key=kept.key,
                **{name: getattr(kept, name) for name in names},
            )
            for number, kept in enumerate(stored)
        )


async def _beside(block: Callable[[], T], size: int) -> T:
    """A block that works on `size` bytes: right here if they are few."""
    return block() if size <= LIGHT else await asyncio.to_thread(block)


async def read(key: str, seconds: float) -> bytes:
    """The object under a key, tried again for `seconds` while the store is away. Raises StorageError."""
    ends, pause = time.monotonic() + seconds, 0.2
    while True:
        try:
            return await storage.default().aread(key)
        except storage.StorageError as error:
            if not error.retryable or time.monotonic() + pause > ends:
                raise
        await asyncio.sleep(random.uniform(0, pause))  # noqa: S311  jitter
        pause = min(2 * pause, 5.0)
