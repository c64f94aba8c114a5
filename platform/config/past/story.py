"""What happened: generations in the order of time, drawn from a seeded chance."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from generations.spec import Size
from runtime import ids

SUBJECTS = (
    "a heron at dawn", "a lighthouse in fog", "a bowl of lemons", "an old tram in the rain",
    "a ceramic teapot", "a fox in the snow", "a market street at night", "a glass greenhouse",
    "a cyclist on a pass", "a paper boat on a canal", "a brass telescope", "a loaf of rye bread",
    "a chess board by a window", "a harbour with red cranes", "a kite over dunes", "a quiet library",
)  # fmt: skip
MANNERS = (
    "as a woodcut", "in soft morning light", "as a flat poster", "as a watercolour", "seen from above",
    "photographed on film", "as a paper collage", "like an old manual", "with a shallow depth of field",
)  # fmt: skip
AGENTS = {
    "evolink": "python-requests/2.32.4",
    "openai": "OpenAI/Python 3.52.0",
    "toapis": "axios/1.12.2",
    "gemini": "google-genai-sdk/3.4.0",
    "gmi": "Go-http-client/2.0",
}
DOORS = {"openai": 40, "evolink": 22, "gemini": 20, "toapis": 10, "gmi": 8}
SYNCHRONOUS = ("openai", "gemini")
FATES = {
    "succeeded": 945,
    "content_blocked": 20,
    "no_image": 10,
    "upstream_timeout": 10,
    "upstream_error": 10,
    "cancelled": 5,
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing that can be ordered: a model's size, its price, and how often it is wanted."""

    model: str
    size: Size
    unit_price: int
    weight: int


@dataclass(frozen=True, slots=True)
class Caller:
    """A key of the organization and its mode; `member` for a personal one."""

    key: UUID
    mode: str
    member: UUID | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """One generation: who asked for what, when, and what became of it. `kind` is empty for a success;
    `tries` counts the attempts (none: cancelled in the queue); times are UTC; `queued` and `drawing`
    are seconds."""

    id: UUID
    caller: Caller
    door: str
    cell: Cell
    prompt: str
    count: int
    delivered: int
    state: str
    kind: str
    tries: int
    created_at: datetime
    queued: float
    drawing: float
    ip: str

    @property
    def synchronous(self) -> bool:
        return self.door in SYNCHRONOUS

    @property
    def started_at(self) -> datetime:
        return self.created_at + timedelta(seconds=self.queued)

    @property
    def finished_at(self) -> datetime:
        return self.started_at + timedelta(seconds=self.drawing)


class Story:
    """`count` generations between two moments, in the order of time: more by day than by night, more on
    working days, a little more each week."""

    def __init__(
        self, callers: Sequence[Caller], cells: Sequence[Cell], *, count: int, begin: datetime, end: datetime,
        seed: int = 1290,
    ) -> None:  # fmt: skip
        self._callers, self._cells, self._count = callers, cells, count
        self._begin, self._end = begin, end
        self._chance = random.Random(seed)  # noqa: S311  a story, not a secret

    def __iter__(self) -> Iterator[Made]:
        for at in self._moments():
            yield self._made(at)

    def _moments(self) -> list[datetime]:
        hours = max(int((self._end - self._begin).total_seconds() // 3600), 1)
        starts = [self._begin + timedelta(hours=hour) for hour in range(hours)]
        busy = [_busyness(start, place / hours) for place, start in enumerate(starts)]
        chosen = self._chance.choices(starts, weights=busy, k=self._count)
        # Nothing of the story ends in the future.
        latest = self._end - timedelta(minutes=3)
        return sorted(min(at + timedelta(seconds=self._chance.random() * 3600), latest) for at in chosen)

    def _made(self, at: datetime) -> Made:
        chance = self._chance
        door = _one(chance, DOORS)
        state, kind = _fate(_one(chance, FATES), waits=door in SYNCHRONOUS)
        count = chance.choice((1, 1, 1, 1, 2, 4)) if door in SYNCHRONOUS else 1
        tries = 0 if state == "cancelled" else 2 if chance.random() < 0.03 else 1
        partial = count > 1 and chance.random() < 0.02
        return Made(
            id=ids.uuid7(int(at.timestamp() * 1000)),
            caller=chance.choice(self._callers),
            door=door,
            cell=chance.choices(self._cells, weights=[cell.weight for cell in self._cells])[0],
            prompt=f"{chance.choice(SUBJECTS)} {chance.choice(MANNERS)}".capitalize(),
            count=count,
            delivered=0 if state != "succeeded" else count - partial,
            state=state,
            kind=kind,
            tries=tries,
            created_at=at,
            queued=0.0 if door in SYNCHRONOUS else round(chance.expovariate(4.0), 3),
            drawing=round(min(max(tries, 0.2) * chance.lognormvariate(1.9, 0.35), 85.0), 3),
            ip=f"203.0.113.{chance.randint(1, 254)}",
        )


def _busyness(at: datetime, progress: float) -> float:
    daily = 0.35 + max(math.sin((at.hour - 5) / 24 * 2 * math.pi), 0.0)
    return daily * (0.45 if at.weekday() >= 5 else 1.0) * (0.7 + 0.6 * progress)


def _fate(word: str, *, waits: bool) -> tuple[str, str]:
    """State and kind. Who waits for the answer does not cancel."""
    if word == "succeeded" or (waits and word == "cancelled"):
        return "succeeded", ""
    return ("cancelled" if word == "cancelled" else "failed"), word


def _one(chance: random.Random, weights: dict[str, int]) -> str:
    return chance.choices(list(weights), weights=list(weights.values()))[0]
