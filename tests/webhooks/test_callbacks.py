"""An order's own `callback_url`: EvoLink's contract at the wire, and F26."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from accounts.actions import webhooks
from accounts.webhooks import ladder
from generations.dialects.evolink.task import task_body
from generations.models import Generation
from generations.reports import of
from runtime.tenancy import tenant
from tests.cast import BY
from tests.receivers import Answer, Receiver, flood, in_turn, status
from tests.webhooks.post import Post

STATUS = {"succeeded": "completed", "failed": "failed", "cancelled": "failed"}


@pytest.mark.parametrize("end", STATUS)
def test_every_end_is_told_with_the_body_of_the_query(post: Post, there: Receiver, end: str) -> None:
    lease = post.generation(there.url("/done?x=1"), end=end)
    post.dispatch()
    (one,) = there.arrived
    with tenant(post.organization):
        expected = task_body(of(Generation.objects.of(post.organization).get(pk=lease.id)))
    assert json.loads(one.body) == expected
    assert expected["status"] == STATUS[end]
    assert (one.method, one.path) == ("POST", "/done?x=1".partition("?")[0])
    assert post.message()["state"] == "delivered"


def test_the_headers_are_those_that_the_documentation_names(post: Post, there: Receiver) -> None:
    post.generation(there.url())
    post.dispatch()
    headers = {name.lower(): value for name, value in there.arrived[0].headers.items()}
    assert headers["webhook-id"] == f"msg_{post.message()['id']}"
    (delivery,) = post.deliveries()
    assert headers["webhook-timestamp"] == str(int(delivery["started_at"].timestamp()))
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("Easel-Callbacks/1 (+http")
    assert headers["x-easel-attempt"] == "1"
    assert headers["accept-encoding"] == "identity"
    assert headers["host"] == f"ok.example.com:{there.port}"
    assert not {"webhook-signature", "authorization", "cookie"} & set(headers)


def test_with_a_secret_of_the_organization_callbacks_are_signed(post: Post, there: Receiver) -> None:
    secret = webhooks.rotate_callback_secret(organization=post.cast.organization, mode="live", by=BY)
    post.generation(there.url())
    post.dispatch()
    assert there.arrived[0].verified(secret)["status"] == "completed"


def test_the_ladder_counts_from_the_end_of_the_try_before(post: Post, there: Receiver) -> None:
    there.answer = status(500, b"not now")
    post.generation(there.url())
    for seconds in (1, 2, 4):
        post.hurry()
        post.dispatch()
        message = post.message()
        assert message["next_at"] == post.deliveries()[-1]["ended_at"] + timedelta(seconds=seconds)
        assert message["state"] == "pending"
    post.hurry()
    post.dispatch()
    assert post.message()["state"] == "dead"
    assert [one["number"] for one in post.deliveries()] == [1, 2, 3, 4]
    assert [one.headers["X-Easel-Attempt"] for one in there.arrived] == ["1", "2", "3", "4"]
    assert len(set(there.ids)) == 1
    assert len({one.body for one in there.arrived}) == 1


def test_two_failures_and_then_a_success_are_three_tries(post: Post, there: Receiver) -> None:
    there.answer = in_turn(status(500), status(503), status(204))
    post.generation(there.url())
    assert post.exhaust() == 3
    assert [(one["status"], one["error"]) for one in post.deliveries()] == [
        (500, "status"),
        (503, "status"),
        (204, ""),
    ]


@pytest.mark.parametrize("code", [400, 404, 410, 429, 501])
def test_anything_but_success_is_tried_again(post: Post, there: Receiver, code: int) -> None:
    there.answer = in_turn(status(code), status(202))
    post.generation(there.url())
    assert post.exhaust() == 2


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_a_redirect_is_a_failure_and_never_followed(post: Post, there: Receiver, code: int) -> None:
    there.answer = status(code, Location=there.url("/elsewhere"))
    post.generation(there.url())
    post.dispatch()
    assert [one.path for one in there.arrived] == ["/hook"]
    assert post.deliveries()[0]["error"] == "redirect"


def test_a_body_without_end_is_cut_and_the_first_four_kilobytes_are_kept(post: Post, there: Receiver) -> None:
    there.answer = flood
    post.generation(there.url())
    post.dispatch()
    (delivery,) = post.deliveries()
    assert (delivery["status"], bytes(delivery["response"])) == (200, b"x" * 4096)
    assert post.message()["state"] == "delivered"


def test_a_certificate_for_another_name_is_a_failure(post: Post, there: Receiver) -> None:
    post.generation(there.url(host="other.example.net"))
    post.dispatch()
    assert there.arrived == []
    (delivery,) = post.deliveries()
    assert (delivery["status"], delivery["error"]) == (None, "fetch_failed")


def test_a_name_that_leads_inwards_today_is_never_reached(post: Post, there: Receiver) -> None:
    async def inwards(host: str, port: int) -> list[str]:
        return ["10.0.0.1"]

    from dataclasses import replace

    post.generation("https://ok.example.com/hook")
    post.dispatch(policy=lambda: replace(post.policy(), resolve=inwards))
    assert post.deliveries()[0]["error"] == "url_not_allowed"
    assert there.arrived == []


def test_the_log_shows_the_try_and_no_secret(post: Post, there: Receiver) -> None:
    secret = webhooks.rotate_callback_secret(organization=post.cast.organization, mode="live", by=BY)
    there.answer = status(500, b"<b>no</b>")
    post.generation(there.url())
    post.dispatch()
    (delivery,) = post.deliveries()
    assert (delivery["url"], delivery["status"]) == (there.url(), 500)
    assert bytes(delivery["response"]) == b"<b>no</b>"
    assert delivery["headers"]["webhook-id"] == there.ids[0]
    assert delivery["milliseconds"] >= 0
    assert secret not in str(delivery)


def test_the_body_is_frozen_with_the_first_try(post: Post, there: Receiver) -> None:
    there.answer = in_turn(status(500), status(200))
    lease = post.generation(there.url())
    post.dispatch()
    post.superuser.execute("UPDATE generations_generation SET model = 'other' WHERE id = %s", (lease.id,))
    post.hurry()
    post.dispatch(render=None)
    assert there.arrived[0].body == there.arrived[1].body == bytes(post.message()["body"])


def test_nothing_is_told_before_the_end_and_the_money_moved_before_the_first_try(
    post: Post, there: Receiver
) -> None:
    lease = post.generation(there.url())
    post.dispatch()
    row = post.superuser.execute(
        "SELECT max(created_at) FROM billing_entry WHERE generation_id = %s AND kind = 'settle'", (lease.id,)
    ).fetchone()
    assert row is not None
    assert row[0] <= post.deliveries()[0]["started_at"]


def test_a_test_order_can_ask_for_a_receiver_that_answers_500(post: Post, there: Receiver) -> None:
    post.generation(there.url(), prompt="A fox, test:webhook500", mode="test")
    assert post.exhaust() == 1 + len(ladder.CALLBACK)
    assert there.arrived == []
    assert [one["status"] for one in post.deliveries()] == [500] * 4
    assert post.message()["state"] == "dead"


def test_a_live_order_cannot(post: Post, there: Receiver) -> None:
    post.generation(there.url(), prompt="A fox, test:webhook500")
    post.dispatch()
    assert len(there.arrived) == 1


@pytest.mark.slow
@pytest.mark.parametrize("how", ["hang", "drip"])
def test_whoever_hangs_or_drips_is_left_after_ten_seconds(post: Post, there: Receiver, how: str) -> None:
    from tests import receivers

    answer: Answer = getattr(receivers, how)
    there.answer = answer
    post.generation(there.url())
    post.dispatch()
    (delivery,) = post.deliveries()
    assert delivery["error"] == "timeout"
    assert delivery["milliseconds"] >= 9_900


@pytest.mark.slow
def test_a_receiver_may_think_for_seven_seconds(post: Post, there: Receiver) -> None:
    from tests.receivers import after

    there.answer = after(7, status(200))
    post.generation(there.url())
    post.dispatch()
    assert post.message()["state"] == "delivered"
