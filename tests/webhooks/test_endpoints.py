"""Registered endpoints: what they are told, how they are signed, and when they are given up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from accounts.actions import keys, webhooks
from accounts.errors import Conflict, InvalidValue, NotFound
from accounts.models import Event
from runtime.tenancy import tenant
from tests.cast import BY
from tests.receivers import Receiver
from tests.webhooks.post import Post

FINAL = (Event.GENERATION_SUCCEEDED, Event.GENERATION_FAILED, Event.GENERATION_CANCELLED)


def test_a_final_generation_is_told_to_every_endpoint_that_listens(
    post: Post, make_receiver: Callable[[], Receiver]
) -> None:
    all_ends, failures, callback = make_receiver(), make_receiver(), make_receiver()
    post.endpoint(all_ends.url(), *FINAL)
    post.endpoint(failures.url(), Event.GENERATION_FAILED)
    lease = post.generation(callback.url())
    post.generation(end="failed")
    post.generation(end="cancelled")
    post.dispatch()
    assert sorted(one["type"] for one in all_ends.told) == sorted(FINAL)
    assert [one["type"] for one in failures.told] == ["generation.failed"]
    assert len(callback.arrived) == 1
    (done,) = [one for one in all_ends.told if one["type"] == "generation.succeeded"]
    assert done["data"]["generation"]["id"] == str(lease.id)


def test_a_generations_summary_says_what_it_is_and_what_it_cost(post: Post, there: Receiver) -> None:
    post.endpoint(there.url(), *FINAL)
    lease = post.generation()
    post.dispatch()
    (event,) = there.told
    assert set(event) == {"id", "type", "created_at", "data"}
    assert event["id"] == there.ids[0]
    summary = event["data"]["generation"]
    assert summary["task_id"].startswith("task-unified-")
    assert (summary["state"], summary["door"], summary["mode"]) == ("succeeded", "evolink", "live")
    assert (summary["tokens"], summary["cost_usd"], summary["error"]) == (1290, "0.0387", None)
    assert summary["images"][0]["url"].split("?")[0].endswith(f"/i/{lease.id}/0.png")
    assert "a fox" not in there.arrived[0].body.decode()


def test_a_failed_generation_says_why(post: Post, there: Receiver) -> None:
    post.endpoint(there.url(), *FINAL)
    post.generation(end="failed")
    post.dispatch()
    summary = there.told[0]["data"]["generation"]
    assert (summary["tokens"], summary["images"]) == (0, [])
    assert summary["error"]["kind"] == "content_blocked"


def test_live_and_test_do_not_hear_of_each_other(post: Post, make_receiver: Callable[[], Receiver]) -> None:
    live, test = make_receiver(), make_receiver()
    post.endpoint(live.url(), *FINAL)
    post.endpoint(test.url(), *FINAL, mode="test")
    post.generation(mode="test")
    post.dispatch()
    assert (len(live.arrived), len(test.arrived)) == (0, 1)


def test_nothing_is_told_of_what_was_rolled_back(post: Post, there: Receiver) -> None:
    post.endpoint(there.url())

    with tenant(post.organization):
        post.happen()
        transaction.set_rollback(True)
    assert post.messages() == []


def test_a_key_that_is_revoked_or_rotated_is_told(post: Post, there: Receiver) -> None:
    post.endpoint(there.url(), Event.KEY_REVOKED, Event.KEY_ROTATED)
    key, plain = keys.create(organization=post.cast.organization, mode="live", name="ci", by=BY)
    _, newer = keys.rotate(key=key, grace=timedelta(hours=1), by=BY)
    keys.revoke(key=key, reason="it leaked", by=BY)
    keys.revoke(key=key, reason="again", by=BY)
    post.dispatch()
    assert sorted(one["type"] for one in there.told) == ["key.revoked", "key.rotated"]
    (revoked,) = [one["data"] for one in there.told if one["type"] == "key.revoked"]
    assert (revoked["key"]["id"], revoked["key"]["name"]) == (str(key.pk), "ci")
    assert revoked["reason"] == "it leaked"
    assert not any(secret in str(there.told) for secret in (plain, newer))


def test_a_ping_arrives_and_verifies(post: Post, there: Receiver) -> None:
    endpoint, secret = post.endpoint(there.url())
    webhooks.ping(endpoint=endpoint, by=BY)
    post.dispatch()
    assert there.arrived[0].verified(secret)["type"] == "endpoint.ping"


# ---- secrets -----------------------------------------------------------------------------------


def test_during_the_overlap_old_and_new_secret_verify_and_later_only_the_new(
    post: Post, there: Receiver
) -> None:
    endpoint, first = post.endpoint(there.url())
    _, second = webhooks.rotate(endpoint=endpoint, by=BY)
    post.happen()
    post.dispatch()
    assert there.arrived[0].verified(first) == there.arrived[0].verified(second)
    post.superuser.execute(
        "UPDATE accounts_webhookendpoint SET previous_until = clock_timestamp() - interval '1 second'"
        " WHERE id = %s",
        (endpoint.pk,),
    )
    post.happen()
    post.dispatch()
    assert there.arrived[1].verified(second)
    with pytest.raises(Exception, match="No matching signature"):
        there.arrived[1].verified(first)


def test_without_an_overlap_the_old_secret_ends_at_once(post: Post, there: Receiver) -> None:
    endpoint, first = post.endpoint(there.url())
    webhooks.rotate(endpoint=endpoint, by=BY, overlap=timedelta(0))
    post.happen()
    post.dispatch()
    with pytest.raises(Exception, match="No matching signature"):
        there.arrived[0].verified(first)


def test_a_secret_is_shown_once_and_stored_in_no_clear_form(post: Post, there: Receiver) -> None:
    from tests.flows.wire import places

    endpoint, secret = post.endpoint(there.url())
    _, second = webhooks.rotate(endpoint=endpoint, by=BY)
    callback = webhooks.rotate_callback_secret(organization=post.cast.organization, mode="live", by=BY)
    for plain in (secret, second, callback):
        assert plain.startswith("whsec_")
        assert places(post.superuser, plain) == []
        assert places(post.superuser, plain.removeprefix("whsec_")) == []
    assert post.fresh(endpoint).last_four == second[-4:]


@pytest.mark.parametrize("overlap", [timedelta(days=8), timedelta(seconds=-1)])
def test_an_overlap_has_bounds(post: Post, there: Receiver, overlap: timedelta) -> None:
    endpoint, _ = post.endpoint(there.url())
    with pytest.raises(InvalidValue):
        webhooks.rotate(endpoint=endpoint, by=BY, overlap=overlap)


def test_callbacks_can_be_unsigned_again(post: Post, there: Receiver) -> None:
    webhooks.rotate_callback_secret(organization=post.cast.organization, mode="live", by=BY)
    webhooks.remove_callback_secret(organization=post.cast.organization, mode="live", by=BY)
    post.generation(there.url())
    post.dispatch()
    assert "webhook-signature" not in there.arrived[0].headers
    with pytest.raises(NotFound):
        webhooks.remove_callback_secret(organization=post.cast.organization, mode="live", by=BY)


# ---- what may be registered --------------------------------------------------------------------

BAD = [
    "", "http://ok.example.com/", "https://127.0.0.1/", "https://[::1]/", "https://localhost/",
    "https://10.0.0.1/", "https://169.254.169.254/", "https://ok.example.com:8443/", "https://a@ok.example.com/",
    "https://ok.example.com/\r\nX-Evil: 1", "https://ok.example.com/ ",
    f"https://ok.example.com/{'x' * 2048}", "ftp://ok.example.com/", "https://postgres/", None, 7,
]  # fmt: skip


@pytest.mark.parametrize("url", BAD)
def test_an_address_that_we_may_not_call_is_refused(post: Post, url: Any) -> None:
    with pytest.raises(InvalidValue) as refused:
        post.endpoint(url)
    assert refused.value.field == "url"
    assert post.rows("accounts_webhookendpoint") == []


@pytest.mark.parametrize("events", [[], ["generation.final"], "key.revoked", [7]])
def test_only_known_events_can_be_chosen(post: Post, events: Any) -> None:
    with pytest.raises(InvalidValue) as refused:
        webhooks.create(
            organization=post.cast.organization,
            mode="live",
            url="https://ok.example.com/",
            events=events,
            by=BY,
        )
    assert refused.value.field == "events"


def test_twenty_endpoints_of_a_mode_are_enough(post: Post) -> None:
    made = [post.endpoint(f"https://ok.example.com/{number}")[0] for number in range(20)]
    with pytest.raises(Conflict):
        post.endpoint("https://ok.example.com/more")
    webhooks.remove(endpoint=made[0], by=BY)
    post.endpoint("https://ok.example.com/more")


def test_a_stranger_finds_no_endpoint_of_ours(post: Post) -> None:
    endpoint, _ = post.endpoint("https://ok.example.com/")
    endpoint.organization = post.cast.strangers
    for verb in (webhooks.rotate, webhooks.enable, webhooks.disable, webhooks.remove, webhooks.ping):
        with pytest.raises(NotFound):
            verb(endpoint=endpoint, by=BY)


def test_every_change_is_in_the_audit_trail_without_secrets(post: Post) -> None:
    endpoint, secret = post.endpoint("https://ok.example.com/")
    webhooks.edit(endpoint=endpoint, changes={"description": "ours"}, by=BY)
    _, second = webhooks.rotate(endpoint=endpoint, by=BY)
    webhooks.disable(endpoint=endpoint, by=BY)
    webhooks.enable(endpoint=endpoint, by=BY)
    webhooks.remove(endpoint=endpoint, by=BY)
    trail = post.rows("accounts_auditevent", "object_type = 'endpoint'")
    verbs = [event["action"].partition(".")[2] for event in trail]
    assert verbs == ["create", "edit", "rotate", "disable", "enable", "disable", "remove"]
    assert secret not in str(trail)
    assert second not in str(trail)


def test_what_waits_goes_to_the_new_address(post: Post, make_receiver: Callable[[], Receiver]) -> None:
    before, now = make_receiver(), make_receiver()
    endpoint, _ = post.endpoint(before.url(host="a.example.com"))
    post.happen()
    webhooks.edit(endpoint=endpoint, changes={"url": now.url(host="b.example.com")}, by=BY)
    assert post.message()["host"] == "b.example.com"
    post.dispatch()
    assert (len(before.arrived), len(now.arrived)) == (0, 1)
