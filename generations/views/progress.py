"""How far a generation is, told as it goes on."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Final
from uuid import UUID

from accounts.models import Organization
from generations import reports
from generations.models import Generation
from generations.spec import State
from runtime import database
from runtime.errors import DatabaseUnavailable
from runtime.tenancy import tenant

PAUSE_SECONDS: Final = 0.4
LONGEST_SECONDS: Final = 300.0
"""Then the browser comes again."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A state, percent done, and the words for it."""

    state: str
    progress: int
    words: str

    @property
    def final(self) -> bool:
        return State(self.state).final


def standing(row: Generation) -> Standing:
    report = reports.build(row, (), reports.median(row.model))
    if report.state is State.QUEUED:
        words = "Waiting for its turn" if row.attempt == 0 else "Waiting for the next try"
    elif report.state is State.RUNNING:
        words = f"Drawing, about {report.estimated_seconds} s to go"
    else:
        words = report.state.value.capitalize()
    return Standing(row.state, report.progress, words)


async def stream(organization: Organization, generation: UUID) -> AsyncIterator[bytes]:
    """A `standing` event for each change, and `done` at the end."""
    told: Standing | None = None
    ends = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < ends:
        try:
            now = await database.run(partial(_read, organization, generation))
        except DatabaseUnavailable:
            now = None
        if now is not None and now != told:
            told = now
            yield _event("done" if now.final else "standing", now)
        if now is not None and now.final:
            return
        await asyncio.sleep(PAUSE_SECONDS)


def _read(organization: Organization, generation: UUID) -> Standing | None:
    reports.refresh_medians()
    with tenant(organization):
        row = Generation.objects.of(organization).filter(pk=generation).first()
    return standing(row) if row else None


def _event(name: str, told: Standing) -> bytes:
    return f"event: {name}\ndata: {json.dumps(asdict(told))}\n\n".encode()
