"""What happened, a line for each moment: who asked, what was tried, what moved, who was told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from accounts.models import CALLBACK, OutboxMessage
from billing.entries import Transfer
from generations.listing import Whole
from generations.models import ApiRequest, Attempt, Generation
from generations.spec import Kind, State
from generations.timeline.parts import MOST_AHEAD, Line, Told

ONE_END: Final = timedelta(seconds=0.5)
VERDICTS: Final[Mapping[str, str]] = {
    Kind.CONTENT_BLOCKED: "blocked the content",
    Kind.NO_IMAGE: "answered without an image",
    Kind.UPSTREAM_ERROR: "failed",
    Kind.UPSTREAM_TIMEOUT: "took too long",
    Kind.RATE_LIMITED: "asked to wait",
    Kind.MISCONFIGURED: "could not be reached as configured",
    Kind.BAD_REQUEST: "refused the request",
    Kind.TOO_LARGE: "found the request too large",
    Kind.UNSUPPORTED_MEDIA: "could not read a picture",
}
ENDS: Final[Mapping[str, str]] = {
    "waited": "It waits its turn again.",
    "retried": "It is tried again.",
    "handed_back": "The worker stopped and gave it back.",
    "lost": "Its worker was lost.",
    "superseded": "It was over already: this result was dropped.",
}
MOVED: Final[Mapping[str, str]] = {
    "hold": "held",
    "settle": "charged",
    "release": "given back",
    "refund": "refunded",
}


def lines(whole: Whole, told: Sequence[Told], ahead: int | None) -> Iterator[Line]:
    """In the order of what follows from what, for lines of one moment."""
    row = whole.item.row
    yield from _asked(whole)
    yield _taken(row, ahead)
    yield from (_moved(entry) for entry in whole.entries if entry.kind == "hold")
    for attempt in whole.attempts:
        yield from (_by_the_end(line, row) for line in _tried(attempt))
    yield from (_by_the_end(_moved(entry), row) for entry in whole.entries if entry.kind != "hold")
    if State(row.state).final:
        yield _ended(row)
    for one in told:
        yield from _delivered(one)


def _by_the_end(line: Line, row: Generation) -> Line:
    """What the end of a generation writes down is of that moment, though the clock went on meanwhile."""
    end = row.finished_at
    if end is None or not timedelta(0) < line.at - end < ONE_END:
        return line
    return replace(line, at=end)


def _asked(whole: Whole) -> Iterator[Line]:
    """The calls that ordered, one by one; those that only looked, together."""
    looks = [call for call in whole.requests if call.method == "GET"]
    for call in whole.requests:
        if call.method != "GET":
            yield Line(call.at, f"{call.method} {call.path}: {_answer(call)}")
    if looks:
        times = "once" if len(looks) == 1 else f"{len(looks)} times"
        yield Line(looks[0].at, f"Asked for {times}, the first time with {looks[0].path}")


def _answer(call: ApiRequest) -> str:
    again = ", the first order once more" if call.replayed else ""
    return f"answered {call.status}{again}" if call.status else "being answered"


def _taken(row: Generation, ahead: int | None) -> Line:
    source = "Ordered in the playground" if row.key_id is None else "Taken"
    if ahead is None:
        return Line(row.created_at, f"{source} and begun at once")
    many = f"{ahead} or more" if ahead == MOST_AHEAD else str(ahead)
    place = f"{many} of the team's orders before it" if ahead else "first in the team's queue"
    return Line(row.created_at, f"{source}; {place}")


def _moved(entry: Transfer) -> Line:
    word = MOVED.get(entry.kind, entry.kind)
    words = f"{entry.tokens or 0:,} tokens {word}" + (f": {entry.reason}" if entry.reason else "")
    return Line(entry.at, words, tokens=entry.tokens, amount=entry.amount)


def _tried(attempt: Attempt) -> Iterator[Line]:
    yield Line(attempt.started_at, f"Attempt {attempt.number} began")
    for call in attempt.calls[:-1]:
        if call["kind"] and call["at"]:
            at = datetime.fromisoformat(call["at"]) + timedelta(seconds=call["seconds"])
            yield Line(at, f"Attempt {attempt.number}: the provider {_verdict(call['kind'])}; asked anew")
    if attempt.finished_at:
        yield Line(attempt.finished_at, f"Attempt {attempt.number}: {_result(attempt)}", _tone(attempt))


def _result(attempt: Attempt) -> str:
    if attempt.outcome == "succeeded":
        surplus = f" {attempt.surplus} more came than were ordered." if attempt.surplus else ""
        return f"the provider delivered {_pictures(attempt.images)}.{surplus}"
    said = f"the provider {_verdict(attempt.kind)}." if attempt.kind in VERDICTS else ""
    return " ".join(filter(None, (said, ENDS.get(attempt.outcome, "")))) or "it ended."


def _verdict(kind: str) -> str:
    return VERDICTS.get(kind, "failed")


def _tone(attempt: Attempt) -> str:
    return {"succeeded": "good", "failed": "bad"}.get(attempt.outcome, "")


def _ended(row: Generation) -> Line:
    assert row.finished_at is not None
    if row.state == State.SUCCEEDED:
        return Line(row.finished_at, f"Done: {_pictures(row.delivered)} of {row.count} ordered", "good")
    return Line(row.finished_at, row.message or row.state.capitalize(), "bad")


def _pictures(number: int) -> str:
    return f"{number} picture{'' if number == 1 else 's'}"


def _delivered(told: Told) -> Iterator[Line]:
    message = told.message
    name = "The order's callback" if message.event == CALLBACK else f"Webhook {message.event}"
    for one in told.tries:
        said = f"answered {one.status}" if one.status else f"failed ({one.error})"
        tone = "bad" if one.error else "good"
        yield Line(one.ended_at, f"{name}: {message.host} {said} in {one.milliseconds:,} ms", tone)
    if message.state == OutboxMessage.State.PENDING:
        yield Line(message.next_at, f"{name}: {message.host} is told next")
    elif message.state == OutboxMessage.State.DEAD and not told.tries:
        yield Line(message.created_at, f"{name}: {message.host} was given up", "bad")
