"""Time, cut into stretches that join without a gap."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from generations.listing import Whole
from generations.models import Attempt
from generations.spec import State
from generations.timeline.parts import Phase

_Mark = tuple[datetime, str, str]


def phases(whole: Whole, end: datetime) -> Iterator[Phase]:
    """Every mark begins a phase that lasts until the next one; the clocks of several machines are kept
    in order by never letting one go back."""
    row = whole.item.row
    marks = sorted(_marks(whole), key=lambda mark: mark[0])
    edges = [min(max(at, row.created_at), end) for at, _, _ in marks]
    if edges:
        edges[0] = row.created_at
    for (_, words, tone), (began, until) in zip(marks, pairwise([*edges, end]), strict=True):
        if until > began:
            yield Phase(words, tone, began, (until - began).total_seconds())


def _marks(whole: Whole) -> Iterator[_Mark]:
    row, attempts = whole.item.row, {attempt.number: attempt for attempt in whole.attempts}
    if not whole.transitions:
        yield row.created_at, "Under way", "preparing"
    for place, move in enumerate(whole.transitions):
        if move.new_state == State.QUEUED:
            words = "In the queue" if place == 0 else "Waiting for the next try"
            yield move.at, words, "waiting"
        elif move.new_state == State.RUNNING:
            yield move.at, f"Attempt {move.new_attempt}: made ready", "preparing"
            if attempt := attempts.get(move.new_attempt):
                yield from _calls(attempt, move.at)


def _calls(attempt: Attempt, begun: datetime) -> Iterator[_Mark]:
    drawing = f"Attempt {attempt.number}: with the provider"
    for call in attempt.calls:
        at = max(datetime.fromisoformat(call["at"]), begun) if call["at"] else begun
        after = ("checked and stored", "storing") if call["images"] else ("brought to an end", "preparing")
        yield at, drawing, "drawing"
        yield at + timedelta(seconds=call["seconds"]), f"Attempt {attempt.number}: {after[0]}", after[1]
    if not attempt.calls and attempt.upstream_at:
        yield max(attempt.upstream_at, begun), drawing, "drawing"
