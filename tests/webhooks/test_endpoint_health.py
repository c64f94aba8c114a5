"""How long an endpoint that fails is tried, and when it is given up."""

from __future__ import annotations

from collections.abc import Callable

from django.core import mail

from accounts.actions import webhooks
from accounts.models import Event
from accounts.webhooks import ladder
from tests.cast import BY
from tests.receivers import Receiver, in_turn, status
from tests.webhooks.post import Post


def test_an_endpoint_gets_a_longer_ladder(post: Post, there: Receiver) -> None:
    there.answer = status(503)
    post.endpoint(there.url())
    post.happen()
    waited = []
    for _ in ladder.ENDPOINT:
        post.hurry()
        post.dispatch()
        waited.append((post.message()["next_at"] - post.deliveries()[-1]["ended_at"]).total_seconds())
    assert waited == [1, 2, 4, 60, 600, 3600, 21600]
    post.hurry()
    post.dispatch()
    assert (post.message()["state"], len(there.arrived)) == ("dead", 8)


def test_410_ends_an_endpoint_at_once_and_its_owners_and_siblings_hear_of_it(
    post: Post, make_receiver: Callable[[], Receiver]
) -> None:
    gone, sibling = make_receiver(), make_receiver()
    gone.answer = status(410)
    endpoint, _ = post.endpoint(gone.url())
    post.endpoint(sibling.url(), Event.ENDPOINT_DISABLED)
    post.happen(1)
    post.superuser.execute("UPDATE accounts_outboxmessage SET next_at = 'infinity' WHERE state = 'pending'")
    post.happen(2)
    post.dispatch()
    row = post.fresh(endpoint)
    assert (row.enabled, row.disabled_reason) == (False, "gone")
    assert len(gone.arrived) == 1, "what waited for it was given up"
    (event,) = sibling.told
    assert event["data"]["endpoint"]["id"] == str(endpoint.pk)
    (letter,) = [one for one in mail.outbox if post.cast.owner.email in one.to]
    assert "disabled: it answered 410" in letter.body
    post.happen(3)
    post.dispatch()
    assert len(gone.arrived) == 1


def test_five_days_of_failures_end_an_endpoint_and_one_success_forgives_all(
    post: Post, there: Receiver
) -> None:
    there.answer = in_turn(status(500), status(200), status(500), status(500))
    endpoint, _ = post.endpoint(there.url())

    def fail_since(days: int) -> None:
        post.superuser.execute(
            "UPDATE accounts_webhookendpoint"
            " SET failing_since = clock_timestamp() - make_interval(days => %s)"
            " WHERE id = %s AND failing_since IS NOT NULL",
            (days, endpoint.pk),
        )
        post.hurry()
        post.dispatch()

    post.happen()
    post.dispatch()
    fail_since(6)
    assert post.fresh(endpoint).failing_since is None
    post.happen()
    post.dispatch()
    assert post.fresh(endpoint).enabled
    fail_since(5)
    assert (post.fresh(endpoint).enabled, post.fresh(endpoint).disabled_reason) == (False, "failing")


def test_a_disabled_endpoint_is_not_told_and_an_enabled_one_begins_anew(post: Post, there: Receiver) -> None:
    endpoint, _ = post.endpoint(there.url())
    post.happen(1)
    webhooks.disable(endpoint=endpoint, by=BY)
    post.happen(2)
    post.dispatch()
    assert there.arrived == []
    webhooks.enable(endpoint=endpoint, by=BY)
    post.happen(3)
    post.dispatch()
    assert [one["data"]["number"] for one in there.told] == [3]


def test_a_secret_that_cannot_be_read_ends_the_message_and_no_dispatcher(
    post: Post, make_receiver: Callable[[], Receiver]
) -> None:
    there, other = make_receiver(), make_receiver()
    endpoint, _ = post.endpoint(there.url(host="a.example.com"))
    post.endpoint(other.url(host="b.example.com"))
    post.superuser.execute(
        "UPDATE accounts_webhookendpoint SET secret = 'damaged' WHERE id = %s", (endpoint.pk,)
    )
    post.happen()
    assert post.exhaust(30) <= 2 * (1 + len(ladder.ENDPOINT)) + 1
    assert (len(there.arrived), len(other.arrived)) == (0, 1)
