"""Many at once: whose turn it is, what a host must bear, and what happens when a dispatcher is late."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from accounts.models import OutboxMessage
from accounts.webhooks import claims, deliveries, ladder
from accounts.webhooks.deliveries import Parcel, Result
from generations import notices
from tests.cast import make_cast
from tests.flows.wire import eventually
from tests.receivers import Receiver, hang
from tests.webhooks.post import Post

SUCCESS = Result(200, b"", 0.1, "")
FAILURE = Result(500, b"", 0.1, "status")


@pytest.fixture
def other(post: Post) -> Post:
    """Another organization's post."""
    return Post(make_cast(), post.superuser, post.policy)


@pytest.mark.slow
def test_fifty_receivers_that_hang_delay_nobody_else(
    post: Post, other: Post, make_receiver: Callable[[], Receiver]
) -> None:
    """F28."""
    hanging, healthy = make_receiver(), make_receiver()
    hanging.answer = hang
    for number in range(50):
        post.generation(hanging.url(host=f"h{number}.example.com"))
    stop = threading.Event()
    patient = replace(post.policy(), total=6.0)
    thread = post.dispatcher(policy=lambda: patient).start(stop)
    try:
        eventually(lambda: len(hanging.arrived) == claims.PER_ORGANIZATION, 5)
        other.generation(healthy.url())
        eventually(lambda: other.message()["state"] == "delivered", 5)
        assert post.deliveries() == [], "all of them still hang"
        assert len(hanging.arrived) == claims.PER_ORGANIZATION
    finally:
        stop.set()
        thread.join(20)


@pytest.mark.slow
def test_beside_fifty_that_hang_the_others_are_told_within_two_seconds(
    post: Post, other: Post, make_receiver: Callable[[], Receiver]
) -> None:
    """F28, its figure: nineteen of twenty of another team's callbacks arrive in time."""
    hanging, healthy = make_receiver(), make_receiver()
    hanging.answer = hang
    for number in range(50):
        post.generation(hanging.url(host=f"h{number}.example.com"))
    stop = threading.Event()
    thread = post.dispatcher().start(stop)
    waits: list[float] = []
    try:
        eventually(lambda: len(hanging.arrived) == claims.PER_ORGANIZATION, 5)
        for number in range(20):
            began = time.monotonic()
            other.generation(healthy.url(host=f"b{number}.example.com"))
            eventually(lambda: len(healthy.arrived) == len(waits) + 1, 10)
            waits.append(time.monotonic() - began)
    finally:
        stop.set()
        thread.join(20)
    assert sorted(waits)[18] <= 2, waits


def test_the_others_find_a_slot_however_much_one_has_waiting(post: Post, other: Post) -> None:
    for number in range(20):
        post.generation(f"https://h{number}.example.com/")
    other.generation("https://late.example.com/")
    first = claims.claim(64)
    assert Counter(one.organization for one in first) == {post.organization: 8, other.organization: 1}


def test_the_fuller_the_house_the_smaller_the_share(post: Post, other: Post) -> None:
    for number in range(20):
        post.generation(f"https://h{number}.example.com/")
        other.generation(f"https://o{number}.example.com/")
    assert len(claims.claim(3)) == 2, "one each"
    assert claims.claim(3) == []
    assert len(claims.claim(20)) == 4, "three each, of which one flies"


def test_a_host_bears_four_at_once_over_all_organizations(post: Post, other: Post) -> None:
    for _ in range(5):
        post.generation("https://hooks.example.com/a")
        other.generation("https://hooks.example.com/b")
    assert len(claims.claim(64)) == 4
    assert claims.claim(64) == []


def test_a_host_gets_ten_sends_a_second_at_most(post: Post, there: Receiver) -> None:
    """A31: whoever names a victim as his receiver makes us no weapon."""
    for _ in range(24):
        post.generation(there.url())
    post.dispatch()
    assert len(there.arrived) == 24
    at = [row["claimed_at"] for row in post.rows("accounts_outboxmessage", order="claimed_at")]
    assert min((later - at[i]).total_seconds() for i, later in enumerate(at[10:])) >= 1.0


def test_two_dispatchers_send_nothing_twice(post: Post, make_receiver: Callable[[], Receiver]) -> None:
    """F24."""
    receivers = [make_receiver() for _ in range(2)]
    for number in range(16):
        post.generation(receivers[number % 2].url(host=f"r{number % 4}.example.com"))

    async def both() -> None:
        two = [post.dispatcher(), post.dispatcher()]
        while await asyncio.to_thread(post.due):
            await asyncio.gather(*(one.turn() for one in two))
            await asyncio.gather(*(one.settled() for one in two))

    asyncio.run(both())
    arrived = [identifier for one in receivers for identifier in one.ids]
    assert sorted(arrived) == sorted(f"msg_{row['id']}" for row in post.messages())


# ---- late --------------------------------------------------------------------------------------


def lapse(post: Post) -> None:
    post.superuser.execute(
        "UPDATE accounts_outboxmessage SET next_at = clock_timestamp(), claimed_until = clock_timestamp()"
        " WHERE state = 'pending'"
    )


def take(post: Post) -> Parcel:
    """Claim the one message and make it ready."""
    (claim,) = claims.claim(1)
    parcel = deliveries.prepare(claim, notices.render)
    assert parcel is not None
    return parcel


def test_a_late_failure_is_not_recorded_over_anothers_claim(post: Post) -> None:
    post.generation("https://ok.example.com/")
    late = take(post)
    lapse(post)
    punctual = take(post)
    deliveries.record(late, FAILURE)
    assert post.deliveries() == []
    deliveries.record(punctual, FAILURE)
    assert post.message()["attempts"] == 1


def test_a_late_success_counts_and_ends_it(post: Post) -> None:
    post.generation("https://ok.example.com/")
    late = take(post)
    lapse(post)
    punctual = take(post)
    deliveries.record(late, SUCCESS)
    deliveries.record(punctual, FAILURE)
    assert post.message()["state"] == "delivered"
    assert [one["status"] for one in post.deliveries()] == [200]


def test_a_claim_that_is_about_to_lapse_is_not_begun(post: Post) -> None:
    post.generation("https://ok.example.com/")
    (claim,) = claims.claim(1)
    post.superuser.execute(
        "UPDATE accounts_outboxmessage SET claimed_until = clock_timestamp() + interval '5 s' WHERE id = %s",
        (claim.id,),
    )
    assert deliveries.prepare(claim, notices.render) is None


def test_a_message_that_cannot_be_rendered_ends_after_eight_claims(post: Post, there: Receiver) -> None:
    def explode(message: OutboxMessage) -> Any:
        raise ValueError("no such generation")

    post.generation(there.url())
    for _ in range(ladder.most_claims(registered=False) + 1):
        lapse(post)
        post.dispatch(render=explode)
    assert post.message()["state"] == "dead"
    assert there.arrived == []


def test_a_message_says_where_it_goes_in_the_queue(post: Post) -> None:
    for url, host in {
        "https://OK.example.com/a?b=c": "ok.example.com",
        "https://ok.example.com:443": "ok.example.com",
        "https://[2606:2800:220:1::1]/x": "[2606:2800:220:1::1]",
    }.items():
        lease = post.generation(url)
        (row,) = post.rows("accounts_outboxmessage", f"generation_id = '{lease.id}'")
        assert row["host"] == host
        assert row["id"].version == 7
