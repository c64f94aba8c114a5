"""The delivery inspector: every try with its request and response; one message, or a range, sent again."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from accounts.models import Event, WebhookEndpoint
from runtime.clock import utc_now
from tests.accounts.visits import Visitor, words
from tests.cast import Cast
from tests.receivers import Receiver, status
from tests.webhooks.post import Post

pytestmark = pytest.mark.filterwarnings("ignore:No directory at")


@pytest.fixture
def owner(cast: Cast) -> Visitor:
    return Visitor(cast.owner, cast.organization)


def first_message(visitor: Visitor, endpoint: WebhookEndpoint) -> str:
    """The newest message's id, as the log links to it."""
    found = re.search(r"/webhooks/deliveries/([0-9a-f-]{36})/", visitor.look("webhook", endpoint=endpoint.pk))
    assert found
    return found[1]


def test_a_delivered_message_shows_what_was_sent_and_what_came_back(
    post: Post, there: Receiver, owner: Visitor
) -> None:
    there.answer = status(202, b"<b>taken</b>" + b"x" * 5000)
    endpoint, _ = post.endpoint(there.url("/hook"))
    post.happen(7)
    post.dispatch()
    source = owner.look("delivery", message=first_message(owner, endpoint))
    page = words(source)
    (arrived,) = there.arrived
    for name in ("webhook-id", "webhook-signature", "webhook-timestamp", "X-Easel-Attempt"):
        assert f"{name}: {arrived.headers[name]}" in page
    assert '"number": 7' in page
    assert "202" in page
    assert "&lt;b&gt;taken&lt;/b&gt;" in source
    assert "x" * 4000 in source
    assert "x" * 4100 not in source
    assert "1 try" in page
    assert "Healthy" in owner.read("webhooks")


def test_each_failed_try_has_its_line_and_the_next_one_its_time(
    post: Post, there: Receiver, owner: Visitor
) -> None:
    there.answer = status(500, b"sorry")
    endpoint, _ = post.endpoint(there.url())
    post.happen()
    for _ in range(3):
        post.hurry()
        post.dispatch()
    page = owner.read("delivery", message=first_message(owner, endpoint))
    assert "3 tries" in page
    assert page.index("Try 3") < page.index("Try 2") < page.index("Try 1")
    assert "Next try" in page
    assert "did not answer with 2xx" in page
    watched = owner.read("webhook", endpoint=endpoint.pk)
    assert "Failing since" in watched
    assert "Every try has failed since" in watched


def test_one_message_is_sent_again_with_the_same_id(post: Post, there: Receiver, owner: Visitor) -> None:
    endpoint, _ = post.endpoint(there.url())
    post.happen()
    post.dispatch()
    message = first_message(owner, endpoint)
    assert "It is sent again" in owner.follow(owner.send("redeliver", message=message))
    post.dispatch()
    assert there.ids == [f"msg_{message}"] * 2
    assert "2 tries" in owner.read("delivery", message=message)


def test_a_range_is_counted_first_and_then_sent_once_in_order(
    post: Post, there: Receiver, owner: Visitor
) -> None:
    endpoint, _ = post.endpoint(there.url())
    there.answer = status(500)
    for number in range(4):
        post.happen(number)
    post.exhaust()
    there.answer = status(200)
    post.happen(99)
    post.dispatch()
    missed, there.arrived[:] = [0, 1, 2, 3], []
    around = span()
    preview = owner.read("redeliver_range", query(around, "missed"), endpoint=endpoint.pk)
    assert "4 messages will be sent again" in preview
    assert "5 messages" in owner.read("redeliver_range", query(around, "all"), endpoint=endpoint.pk)
    assert there.arrived == []
    page = owner.follow(owner.send("redeliver_range", {**around, "which": "missed"}, endpoint=endpoint.pk))
    assert "4 messages will be sent again, in order, each once" in page
    post.dispatch()
    assert [told["data"]["number"] for told in there.told] == missed


def span() -> dict[str, str]:
    """The minutes around now, as the form writes them."""
    now = utc_now()
    ends = {"since": now - timedelta(minutes=5), "until": now + timedelta(minutes=2)}
    return {name: f"{moment:%Y-%m-%dT%H:%M}" for name, moment in ends.items()}


def query(around: dict[str, str], which: str) -> str:
    return f"?since={around['since']}&until={around['until']}&which={which}"


@pytest.mark.parametrize(
    "fields, says",
    [
        ({"since": "yesterday"}, "Enter a valid date/time"),
        ({"since": "2026-01-02T00:00", "until": "2026-01-01T00:00"}, "must end after it begins"),
        ({"which": "some"}, "not one of the available"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(
    post: Post, there: Receiver, owner: Visitor, fields: dict[str, str], says: str
) -> None:
    endpoint, _ = post.endpoint(there.url())
    answer = owner.send("redeliver_range", {**span(), "which": "all", **fields}, endpoint=endpoint.pk)
    assert answer.status_code == 200
    assert says in words(answer.content.decode())


def test_a_range_to_a_disabled_endpoint_is_refused(post: Post, there: Receiver, owner: Visitor) -> None:
    endpoint, _ = post.endpoint(there.url())
    owner.send("disable_webhook", endpoint=endpoint.pk)
    answer = owner.send("redeliver_range", {**span(), "which": "all"}, endpoint=endpoint.pk)
    assert "This endpoint is disabled" in words(answer.content.decode())


def test_the_log_is_narrowed_by_its_address(
    post: Post, there: Receiver, owner: Visitor, superuser: psycopg.Connection[Any]
) -> None:
    endpoint, _ = post.endpoint(there.url(), Event.BALANCE_LOW, Event.KEY_ROTATED)
    post.happen()
    post.dispatch()
    there.answer = status(410)
    post.happen()
    post.dispatch()

    def seen(narrowed: str) -> int:
        source = owner.look("webhook", narrowed, endpoint=endpoint.pk)
        return len(set(re.findall(r"/webhooks/deliveries/([0-9a-f-]{36})/", source)))

    assert (seen(""), seen("?state=delivered"), seen("?state=dead"), seen("?state=pending")) == (2, 1, 1, 0)
    assert (seen("?event=balance.low"), seen("?event=key.rotated"), seen("?event=%00")) == (2, 0, 2)
    today = f"{utc_now():%Y-%m-%d}"
    assert (seen(f"?since={today}"), seen("?until=2020-01-01"), seen("?since=never")) == (2, 0, 2)
    page = owner.read("webhook", "?state=dead", endpoint=endpoint.pk)
    assert "Gave up" in page
    assert "Disabled" in page


def test_pages_of_the_log_go_on_and_back(post: Post, there: Receiver, owner: Visitor) -> None:
    endpoint, _ = post.endpoint(there.url())
    for number in range(30):
        post.happen(number)
    ids = re.compile(r"/webhooks/deliveries/([0-9a-f-]{36})/")
    first = owner.look("webhook", "?state=pending", endpoint=endpoint.pk)
    second = owner.look("webhook", _link(first, "next"), endpoint=endpoint.pk)
    newest, oldest = set(ids.findall(first)), set(ids.findall(second))
    assert (len(newest), len(oldest), newest & oldest) == (25, 5, set())
    back = owner.look("webhook", _link(second, "prev"), endpoint=endpoint.pk)
    assert set(ids.findall(back)) == newest
    assert 'rel="prev"' not in back


def _link(source: str, rel: str) -> str:
    found = re.search(rf'href="([^"]+)" rel="{rel}"', source)
    assert found
    return found[1].replace("&amp;", "&")


def test_the_callbacks_of_orders_have_a_log_of_their_own(post: Post, there: Receiver, owner: Visitor) -> None:
    post.generation(there.url("/mine"))
    post.dispatch()
    page = owner.read("callbacks")
    assert "generation.final" in page
    assert "Delivered 1" in page
    found = re.search(r"/webhooks/deliveries/([0-9a-f-]{36})/", owner.look("callbacks"))
    assert found
    assert there.url("/mine") in owner.read("delivery", message=found[1])
    preview = owner.read("redeliver_callbacks", query(span(), "all"))
    assert "1 message will be sent again to the orders' own URLs" in preview
    owner.follow(owner.send("redeliver_callbacks", {**span(), "which": "all"}))
    post.dispatch()
    assert len(there.arrived) == 2


def test_a_test_message_leads_to_what_became_of_it(post: Post, there: Receiver, owner: Visitor) -> None:
    endpoint, _ = post.endpoint(there.url())
    page = owner.follow(owner.send("ping_webhook", endpoint=endpoint.pk))
    assert "A test message" in page
    assert "Not tried yet" in page
    post.dispatch()
    assert [told["type"] for told in there.told] == ["endpoint.ping"]
