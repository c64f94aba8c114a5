"""Where a generation's time and tokens went (X10): one account of every second and every token.

The seconds between order and end are cut into `Phase`s that join without a gap, so that their sum is
the whole. `Line`s tell what happened at which moment: who asked, what was tried and what the provider
said of it, what moved in the ledger, who was told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from accounts.models import CALLBACK, Delivery, Organization, OutboxMessage
from billing.entries import Transfer
from generations import listing
from generations.listing import Item, Whole
from generations.models import ApiRequest, Attempt, Generation
from generations.spec import Kind, State
from runtime.clock import utc_now
from runtime.tenancy import tenant

MOST_AHEAD: Final = 1000
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


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of time. `tone` is `waiting`, `preparing`, `drawing` or `storing`."""

    words: str
    tone: str
    began: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Line:
    """Something that happened. `since` is seconds after the order; `tone` `good`, `bad` or empty; a
    transfer has its `tokens` and `amount` (nano-dollars)."""

    at: datetime
    words: str
    tone: str = ""
    since: float = 0.0
    tokens: int | None = None
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """The whole. `held` = `charged` + `returned` + what is still open, in tokens. `ahead` is how many
    of the organization's orders stood before it (None: it never stood in the queue)."""

    phases: tuple[Phase, ...]
    lines: tuple[Line, ...]
    held: int
    charged: int
    returned: int
    refunded: int
    ahead: int | None

    @property
    def seconds(self) -> float:
        return sum(phase.seconds for phase in self.phases)

    @property
    def open(self) -> int:
        """Tokens that are held still."""
        return self.held - self.charged - self.returned

    @property
    def bars(self) -> Iterator[tuple[str, float, float]]:
        """Each phase as it is drawn: its tone, and where it begins and how long it is in thousandths."""
        whole, passed = self.seconds, 0.0
        for phase in self.phases:
            yield phase.tone, round(1000 * passed / whole, 1), round(1000 * phase.seconds / whole, 1)
            passed += phase.seconds


@dataclass(frozen=True, slots=True)
class Told:
    """A message about the generation, with every try to deliver it, oldest first."""

    message: OutboxMessage
    tries: tuple[Delivery, ...]


def read(organization: Organization, item: Item) -> tuple[Whole, Account]:
    """Everything known of a generation, and the account of it. A query for each kind of row."""
    whole = listing.whole(organization, item)
    with tenant(organization):
        told = _told(organization, item.row)
        ahead = _ahead(organization, item.row) if _queued(whole) else None
    return whole, account(whole, told, ahead, utc_now())


def account(whole: Whole, told: Sequence[Told], ahead: int | None, now: datetime) -> Account:
    """The account of what was read; a generation that goes on is told up to `now`."""
    row, tokens = whole.item.row, _tokens(whole.entries)
    lines = sorted(_lines(whole, told, ahead), key=lambda line: line.at)  # of one moment: as they come
    return Account(
        phases=tuple(_phases(whole, row.finished_at or now)),
        lines=tuple(_dated(lines, row.created_at)),
        held=tokens.get("hold", 0),
        charged=tokens.get("settle", 0),
        returned=tokens.get("release", 0),
        refunded=tokens.get("refund", 0),
        ahead=ahead,
    )


def _tokens(entries: Sequence[Transfer]) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in entries:
        found[entry.kind] = found.get(entry.kind, 0) + (entry.tokens or 0)
    return found


def _dated(lines: Sequence[Line], began: datetime) -> Iterator[Line]:
    for line in lines:
        yield replace(line, since=max((line.at - began).total_seconds(), 0.0))


# ---- rows ------------------------------------------------------------------------------------


def _told(organization: Organization, row: Generation) -> list[Told]:
    # Each half has an index of its own.
    mine = OutboxMessage.objects.of(organization).filter(generation_id=row.pk).select_related("endpoint")
    messages = [*mine.filter(endpoint=None), *mine.filter(endpoint__isnull=False)]
    tries: dict[Any, list[Delivery]] = {message.pk: [] for message in messages}
    if messages:
        rows = Delivery.objects.of(organization).filter(message_id__in=list(tries))
        for one in rows.defer("headers", "response").order_by("number"):
            tries[one.message_id].append(one)
    return [Told(message, tuple(tries[message.pk])) for message in messages]


def _ahead(organization: Organization, row: Generation) -> int:
    """How many of the last orders before this one had not been begun when it came."""
    earlier = Generation.objects.of(organization).filter(mode=row.mode, id__lt=row.pk).order_by("-id")
    stood = earlier.values_list("created_at", "started_at", "finished_at")[:MOST_AHEAD]
    return sum((begun or ended or row.created_at) >= row.created_at for _, begun, ended in stood)


def _queued(whole: Whole) -> bool:
    if whole.transitions:
        return whole.transitions[0].new_state == State.QUEUED
    return not whole.item.row.synchronous


# ---- time ------------------------------------------------------------------------------------

_Mark = tuple[datetime, str, str]


def _phases(whole: Whole, end: datetime) -> Iterator[Phase]:
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


# ---- what happened ---------------------------------------------------------------------------


def _lines(whole: Whole, told: Sequence[Told], ahead: int | None) -> Iterator[Line]:
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
