"""The account of a generation: its phases are all of its time, its transfers all of its tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import CALLBACK, Delivery, OutboxMessage
from billing.entries import Transfer
from generations import listing, timeline
from generations.actions import finish
from generations.listing import Item, Whole
from generations.models import ApiRequest, Attempt, Generation, Transition
from generations.spec import Kind
from generations.timeline import Told
from runtime import ids
from tests.cast import Cast
from tests.generations.gallery import drawn, ordered, row

START = datetime(2026, 11, 20, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def call(began: float, seconds: float, *, images: int = 0, kind: str = "") -> dict[str, Any]:
    return {"at": at(began).isoformat(), "seconds": seconds, "images": images, "kind": kind, "waits": False}


def move(new: str, attempt: int, seconds: float, kind: str = "") -> Transition:
    return Transition(new_state=new, new_attempt=attempt, at=at(seconds), kind=kind)


def retried() -> Whole:
    """Ordered at 0, tried from 1 to 5 and from 8 to 12, done at 12."""
    made = Generation(
        id=ids.uuid7(), state="succeeded", count=2, delivered=1, image_tokens=1290, unit_price=30_000,
        created_at=START, started_at=at(1), finished_at=at(12), key_id=ids.uuid7(),
    )  # fmt: skip
    first = Attempt(
        number=1, started_at=at(1), finished_at=at(5), outcome="retried", kind="upstream_timeout",
        calls=[call(1.5, 3, kind="upstream_timeout")],
    )  # fmt: skip
    second = Attempt(
        number=2, started_at=at(8), finished_at=at(12.004), outcome="succeeded", images=1,
        calls=[call(8, 1, kind="upstream_error"), call(9.5, 2, images=1)],
    )  # fmt: skip
    return Whole(
        item=Item(made, ()),
        attempts=(first, second),
        transitions=(move("queued", 0, 0.002), move("running", 1, 1), move("queued", 1, 5),
                     move("running", 2, 8), move("succeeded", 2, 12)),
        requests=(ApiRequest(method="POST", path="/evolink/v1/images/generations", status=200, at=at(-0.004)),
                  ApiRequest(method="GET", path="/evolink/v1/tasks/x", status=200, at=at(3)),
                  ApiRequest(method="GET", path="/evolink/v1/tasks/x", status=200, at=at(13))),
        entries=(Transfer(1, at(0.001), "hold", 77_400_000, 2580, ""),
                 Transfer(2, at(12.003), "settle", 38_700_000, 1290, ""),
                 Transfer(3, at(12.003), "release", 38_700_000, 1290, "")),
    )  # fmt: skip


def test_every_second_belongs_to_one_phase() -> None:
    told = timeline.account(retried(), (), 0, at(99))
    assert [(phase.words, phase.tone, round(phase.seconds, 3)) for phase in told.phases] == [
        ("In the queue", "waiting", 1.0),
        ("Attempt 1: made ready", "preparing", 0.5),
        ("Attempt 1: with the provider", "drawing", 3.0),
        ("Attempt 1: brought to an end", "preparing", 0.5),
        ("Waiting for the next try", "waiting", 3.0),
        ("Attempt 2: with the provider", "drawing", 1.0),
        ("Attempt 2: brought to an end", "preparing", 0.5),
        ("Attempt 2: with the provider", "drawing", 2.0),
        ("Attempt 2: checked and stored", "storing", 0.5),
    ]
    assert told.seconds == pytest.approx(12)
    bars = list(told.bars)
    assert sum(width for _, _, width in bars) == pytest.approx(1000, abs=1)


def test_every_token_is_charged_given_back_or_held_still() -> None:
    told = timeline.account(retried(), (), 0, at(99))
    assert (told.held, told.charged, told.returned, told.open) == (2580, 1290, 1290, 0)
    moved = [(line.words, line.amount) for line in told.lines if line.amount is not None]
    assert moved == [
        ("2,580 tokens held", 77_400_000),
        ("1,290 tokens charged", 38_700_000),
        ("1,290 tokens given back", 38_700_000),
    ]


def test_what_happened_stands_in_its_order() -> None:
    told = timeline.account(retried(), (), 3, at(99))
    assert [line.words for line in told.lines] == [
        "POST /evolink/v1/images/generations: answered 200",
        "Taken; 3 of the team's orders before it",
        "2,580 tokens held",
        "Attempt 1 began",
        "Asked for 2 times, the first time with /evolink/v1/tasks/x",
        "Attempt 1: the provider took too long. It is tried again.",
        "Attempt 2 began",
        "Attempt 2: the provider failed; asked anew",
        "Attempt 2: the provider delivered 1 picture.",
        "1,290 tokens charged",
        "1,290 tokens given back",
        "Done: 1 picture of 2 ordered",
    ]
    assert [line.since for line in told.lines] == sorted(line.since for line in told.lines)


def test_clocks_that_disagree_never_make_time_run_backwards() -> None:
    whole = retried()
    whole.attempts[0].calls[0]["at"] = at(-5).isoformat()  # a worker whose clock is slow
    whole.attempts[1].calls[1]["at"] = at(400).isoformat()  # one whose clock is fast
    told = timeline.account(whole, (), None, at(99))
    assert all(phase.seconds > 0 for phase in told.phases)
    assert told.seconds == pytest.approx(12)


def test_what_goes_on_is_told_up_to_now() -> None:
    whole = retried()
    made = whole.item.row
    made.state, made.finished_at, made.delivered = "running", None, 0
    whole = Whole(
        whole.item, whole.attempts[:1], whole.transitions[:2], whole.requests[:1], whole.entries[:1]
    )
    told = timeline.account(whole, (), 0, at(4))
    assert told.seconds == pytest.approx(4)
    assert told.open == 2580
    assert told.lines[-1].words.startswith("Attempt 1: the provider took too long")


def test_who_was_told_stands_there_with_what_he_answered() -> None:
    message = OutboxMessage(event=CALLBACK, host="hooks.example.test", state="pending", next_at=at(15))
    tries = (
        Delivery(number=1, ended_at=at(13), error="timeout", milliseconds=10_000),
        Delivery(number=2, ended_at=at(14), status=503, error="status", milliseconds=20),
    )
    told = timeline.account(retried(), (Told(message, tries),), 0, at(14))
    assert [(line.words, line.tone) for line in told.lines[-3:]] == [
        ("The order's callback: hooks.example.test failed (timeout) in 10,000 ms", "bad"),
        ("The order's callback: hooks.example.test answered 503 in 20 ms", "bad"),
        ("The order's callback: hooks.example.test is told next", ""),
    ]


def test_a_generation_without_its_history_is_still_whole() -> None:
    whole = retried()
    told = timeline.account(Whole(whole.item, (), (), (), ()), (), None, at(99))
    assert told.seconds == pytest.approx(12)


# ---- read from the database ------------------------------------------------------------------


@pytest.mark.usefixtures("quiet_database")
def test_the_account_of_a_real_one_is_exact(cast: Cast) -> None:
    made = drawn(cast, count=2)
    found = listing.find(cast.organization, "live", listing.Handle(id=made.pk))
    assert found is not None
    _, told = timeline.read(cast.organization, found)
    assert made.finished_at is not None
    assert told.seconds == pytest.approx((made.finished_at - made.created_at).total_seconds())
    assert (told.held, told.charged, told.returned, told.open) == (2580, 2580, 0, 0)
    assert told.ahead is None  # a synchronous one begins at once


@pytest.mark.usefixtures("quiet_database")
def test_a_place_in_the_queue_counts_who_stood_there_then(cast: Cast) -> None:
    for _ in range(2):
        ordered(cast, runs=False)
    over = ordered(cast, runs=False).generation
    assert finish.cancel(cast.organization.pk, over.pk)
    third = ordered(cast, runs=False).generation
    found = listing.find(cast.organization, "live", listing.Handle(id=third.pk))
    assert found is not None
    assert timeline.read(cast.organization, found)[1].ahead == 2


@pytest.mark.usefixtures("quiet_database")
def test_a_message_of_a_generation_is_found(cast: Cast) -> None:
    made = ordered(cast, callback_url="https://hooks.example.test/done")
    assert made.claimed is not None
    assert finish.fail(made.claimed, Kind.NO_IMAGE, "No picture came.")
    found = Item(row(cast, made.claimed.id), ())
    _, told = timeline.read(cast.organization, found)
    assert "The order's callback: hooks.example.test is told next" in [line.words for line in told.lines]
    assert told.returned == 1290
