"""X9: what was missed is sent again, each once, in order, with the same id."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accounts.actions import redelivery, webhooks
from accounts.errors import Conflict, InvalidValue, NotFound
from accounts.models import WebhookEndpoint
from tests.cast import BY
from tests.receivers import Receiver, in_turn, status
from tests.webhooks.post import Post

DAY = timedelta(days=1)


def replay(post: Post, endpoint: WebhookEndpoint | None, missed: bool = True) -> int:
    now = datetime.now(UTC)
    return redelivery.redeliver_range(
        organization=post.cast.organization,
        mode="live",
        since=now - DAY,
        until=now + DAY,
        endpoint=endpoint,
        missed=missed,
        by=BY,
    )


def test_after_an_outage_a_range_is_sent_again_each_once_in_order_with_the_same_id(
    post: Post, there: Receiver
) -> None:
    endpoint, secret = post.endpoint(there.url())
    post.happen(0)
    post.dispatch()
    there.answer = status(503)
    for number in range(1, 8):
        post.happen(number)
    post.exhaust()
    missed = {f"msg_{row['id']}" for row in post.messages() if row["state"] == "dead"}
    assert len(missed) == 7
    there.answer, seen = status(200), len(there.arrived)
    assert replay(post, endpoint) == 7
    post.dispatch()
    again = there.arrived[seen:]
    assert [one.verified(secret)["data"]["number"] for one in again] == [1, 2, 3, 4, 5, 6, 7]
    assert {one.headers["webhook-id"] for one in again} == missed
    assert {one.headers["X-Easel-Attempt"] for one in again} == {"9"}
    assert replay(post, endpoint) == 0
    assert {row["state"] for row in post.messages()} == {"delivered"}


def test_everything_can_be_sent_again_not_only_what_was_missed(post: Post, there: Receiver) -> None:
    endpoint, _ = post.endpoint(there.url())
    for number in range(3):
        post.happen(number)
    post.dispatch()
    assert replay(post, endpoint, missed=False) == 3
    post.dispatch()
    assert there.ids[3:] == [f"msg_{row['id']}" for row in post.messages()]


def test_a_message_that_fails_again_has_its_whole_ladder_before_it(post: Post, there: Receiver) -> None:
    there.answer = in_turn(*[status(500)] * 6, status(200))
    post.generation(there.url())
    post.exhaust()
    assert post.message()["state"] == "dead"
    assert replay(post, None) == 1
    assert post.exhaust() == 3
    assert [one["number"] for one in post.deliveries()] == [1, 2, 3, 4, 5, 6, 7]
    assert len(set(there.ids)) == 1


def test_news_does_not_wait_behind_what_is_replayed(post: Post, there: Receiver) -> None:
    endpoint, _ = post.endpoint(there.url())
    there.answer = status(500)
    for number in range(1, 5):
        post.happen(number)
    post.exhaust()
    there.answer = in_turn(status(500), status(200))
    replay(post, endpoint)
    post.happen(5)
    seen = len(there.arrived)
    post.dispatch()
    numbers = [body["data"]["number"] for body in there.told[seen:]]
    assert [number for number in numbers if number != 5] == [1, 2, 3, 4]
    assert 5 in numbers[:3]


def test_one_message_is_sent_again_on_request_delivered_or_not(post: Post, there: Receiver) -> None:
    post.generation(there.url())
    post.dispatch()
    redelivery.redeliver(message=post.row(post.message()), by=BY)
    post.dispatch()
    assert there.ids == [f"msg_{post.message()['id']}"] * 2
    assert [one.headers["X-Easel-Attempt"] for one in there.arrived] == ["1", "2"]
    (event,) = post.rows("accounts_auditevent", "action = 'message.redeliver'")
    assert event["object_id"] == str(post.message()["id"])


def test_what_is_being_sent_right_now_is_left_alone(post: Post, there: Receiver) -> None:
    endpoint, _ = post.endpoint(there.url())
    post.happen()
    post.superuser.execute(
        "UPDATE accounts_outboxmessage SET claimed_until = clock_timestamp() + interval '20 s' WHERE id = %s",
        (post.message()["id"],),
    )
    with pytest.raises(Conflict):
        redelivery.redeliver(message=post.row(post.message()), by=BY)
    assert replay(post, endpoint) == 0


def test_a_disabled_endpoint_gets_nothing_again(post: Post, there: Receiver) -> None:
    endpoint, _ = post.endpoint(there.url())
    post.happen()
    webhooks.disable(endpoint=endpoint, by=BY)
    with pytest.raises(Conflict):
        redelivery.redeliver(message=post.row(post.message()), by=BY)
    with pytest.raises(Conflict):
        replay(post, endpoint)


def test_a_strangers_message_does_not_exist(post: Post, there: Receiver) -> None:
    post.generation(there.url())
    message = post.row(post.message())
    message.organization = post.cast.strangers
    with pytest.raises(NotFound):
        redelivery.redeliver(message=message, by=BY)
    endpoint, _ = post.endpoint(there.url())
    now = datetime.now(UTC)
    with pytest.raises(NotFound):
        redelivery.redeliver_range(
            organization=post.cast.strangers,
            mode="live",
            since=now - DAY,
            until=now,
            endpoint=endpoint,
            by=BY,
        )


def test_a_range_must_have_an_extent(post: Post) -> None:
    now = datetime.now(UTC)
    with pytest.raises(InvalidValue):
        redelivery.redeliver_range(
            organization=post.cast.organization, mode="live", since=now, until=now, by=BY
        )
