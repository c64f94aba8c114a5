"""Durations in buckets, each eighteen per cent wider than the one before: a percentile read from them is
off by a few per cent at most, and sums of buckets are the buckets of the sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

FIRST: Final = 0.05  # seconds; what is shorter is in bucket 0
RATIO: Final = 1.18
COUNT: Final = 80  # the last one holds everything from six and a half hours on


def bucket_sql(seconds: str) -> str:
    """SQL for the bucket of a number of seconds."""
    place = f"floor(ln(greatest({seconds}, {FIRST}) / {FIRST}) / ln({RATIO}))"
    return f"CASE WHEN {seconds} < {FIRST} THEN 0 ELSE least({place} + 1, {COUNT - 1})::int END"


@dataclass(frozen=True, slots=True)
class Times:
    """How many successes took how long."""

    counts: tuple[int, ...] = (0,) * COUNT

    def __add__(self, other: Times) -> Times:
        return Times(tuple(map(sum, zip(self.counts, other.counts, strict=True))))

    @property
    def total(self) -> int:
        return sum(self.counts)

    def quantile(self, share: float) -> float | None:
        """The seconds within which this share of them was done; None where there is none."""
        wanted = share * self.total
        if not self.total:
            return None
        for place, reached in enumerate(accumulate(self.counts)):
            if reached >= wanted and self.counts[place]:
                within = 1 - (reached - wanted) / self.counts[place]
                return _seconds(place, within)
        return None

    @classmethod
    def of(cls, counts: Sequence[int]) -> Times:
        return cls(tuple(counts))


def _seconds(place: int, within: float) -> float:
    """A point of a bucket, `within` it from 0 to 1."""
    if place == 0:
        return FIRST * within
    return float(FIRST * RATIO ** (place - 1 + within))
