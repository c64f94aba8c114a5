"""The pages of webhooks: endpoints and their secrets, shown once; signatures tested; who may what."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import outbox
from accounts.actions import webhooks
from accounts.models import Event, WebhookEndpoint
from accounts.webhooks import reading, signatures
from runtime.clock import utc_now
from runtime.tenancy import tenant
from tests.accounts.visits import Visitor, words
from tests.cast import BY, Cast

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")
URL = "https://hooks.example.com/easel"


def new_endpoint(cast: Cast, **more: Any) -> tuple[WebhookEndpoint, str]:
    fields = {"organization": cast.organization, "mode": "live", "url": URL, "events": [Event.BALANCE_LOW]}
    return webhooks.create(**{**fields, "by": BY, **more})


def form(visitor: Visitor, **more: Any) -> dict[str, Any]:
    fields = {"url": URL, "events": [Event.KEY_REVOKED], "description": "Shop"}
    return {**fields, "once": visitor.once("create_webhook"), **more}


def endpoints(cast: Cast) -> list[WebhookEndpoint]:
    return outbox.endpoints(cast.organization, "live")


# ---- made and changed --------------------------------------------------------------------------


def test_a_new_endpoint_shows_its_secret_once(owner: Visitor, cast: Cast) -> None:
    fields = form(owner)
    answer = owner.send("create_webhook", fields)
    (secret,) = set(SECRET.findall(answer.content.decode()))
    (endpoint,) = endpoints(cast)
    assert (endpoint.url, endpoint.events, str(endpoint)) == (URL, ["key.revoked"], "Shop")
    assert signatures.secrets_of(endpoint, utc_now()) == (secret,)
    assert not SECRET.search(owner.look("webhook", endpoint=endpoint.pk) + owner.look("webhooks"))
    again = owner.follow(owner.send("create_webhook", fields))
    assert "its secret was shown then" in again
    assert len(endpoints(cast)) == 1


@pytest.mark.parametrize(
    "field, value",
    [
        ("url", ""),
        ("url", "http://hooks.example.com/"),
        ("url", "https://127.0.0.1/"),
        ("url", "https://hooks.example.com:8443/"),
        ("url", "javascript:alert(1)"),
        ("url", "https://e.com/" + "x" * 2040),
        ("events", []),
        ("events", ["everything"]),
        ("description", "x" * 201),
    ],
)
def test_what_cannot_be_kept_is_said_where_it_stands(
    owner: Visitor, cast: Cast, field: str, value: Any
) -> None:
    source = owner.send("create_webhook", form(owner, **{field: value})).content.decode()
    assert re.search(rf'id="id_{field}_error"|id="id_{field}_0_error"|class="field field-bad"', source)
    assert endpoints(cast) == []


def test_a_mode_has_twenty_endpoints_and_then_says_so(owner: Visitor, cast: Cast) -> None:
    for _ in range(webhooks.MOST_ENDPOINTS):
        new_endpoint(cast)
    assert "at most 20 endpoints" in owner.send("create_webhook", form(owner)).content.decode()


def test_an_endpoint_is_edited(owner: Visitor, cast: Cast) -> None:
    endpoint, _ = new_endpoint(cast)
    fields = {"url": "https://other.example.com/", "events": ["key.revoked"], "description": "Other"}
    owner.follow(owner.send("edit_webhook", fields, endpoint=endpoint.pk))
    (after,) = endpoints(cast)
    assert (after.url, after.host, str(after)) == ("https://other.example.com/", "other.example.com", "Other")
    wrong = owner.send("edit_webhook", {**fields, "url": "ftp://x"}, endpoint=endpoint.pk)
    assert 'value="ftp://x"' in wrong.content.decode()


@pytest.mark.parametrize("overlap, signing", [("0", 1), ("86400", 2)])
def test_a_rotation_shows_the_new_secret_and_lets_the_old_one_sign_on(
    owner: Visitor, cast: Cast, overlap: str, signing: int
) -> None:
    endpoint, old = new_endpoint(cast)
    once = owner.once("rotate_webhook", endpoint=endpoint.pk)
    fields = {"overlap": overlap, "once": once}
    source = owner.send("rotate_webhook", fields, endpoint=endpoint.pk).content.decode()
    (new,) = set(SECRET.findall(source))
    (after,) = endpoints(cast)
    assert signatures.secrets_of(after, utc_now()) == (new, old)[:signing]
    again = owner.follow(owner.send("rotate_webhook", fields, endpoint=endpoint.pk))
    assert not SECRET.search(again)
    assert ("and the one before until" in again) == (signing == 2)


def test_an_endpoint_is_disabled_enabled_and_removed(owner: Visitor, cast: Cast) -> None:
    endpoint, _ = new_endpoint(cast)
    page = owner.follow(owner.send("disable_webhook", endpoint=endpoint.pk))
    assert "Disabled just now : by hand" in page
    assert "disabled. Enable it first" in owner.follow(owner.send("ping_webhook", endpoint=endpoint.pk))
    assert "Send a test" in owner.follow(owner.send("enable_webhook", endpoint=endpoint.pk))
    wrong = owner.send("remove_webhook", {"host": "elsewhere"}, endpoint=endpoint.pk)
    assert "Type the host" in words(wrong.content.decode())
    owner.follow(owner.send("remove_webhook", {"host": "hooks.example.com"}, endpoint=endpoint.pk))
    assert endpoints(cast) == []
    assert owner.status("get", "webhook", endpoint=endpoint.pk) == 404


def test_the_callbacks_of_orders_are_signed_on_request(owner: Visitor, cast: Cast) -> None:
    assert "Not signed" in owner.read("webhooks")
    fields = {"overlap": "86400", "once": owner.once("callback_secret")}
    source = owner.send("callback_secret", fields).content.decode()
    (secret,) = set(SECRET.findall(source))
    signer = outbox.callback_secret(cast.organization, "live")
    assert signer is not None
    assert signatures.secrets_of(signer, utc_now()) == (secret,)
    assert secret[-4:] in owner.read("callbacks")
    assert "no longer signed" in owner.follow(owner.send("remove_callback_secret"))
    assert outbox.callback_secret(cast.organization, "live") is None
    assert "not signed" in owner.follow(owner.send("remove_callback_secret"))


def test_the_list_is_of_the_mode_and_its_queries_do_not_grow(owner: Visitor, cast: Cast) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            owner.look("webhooks")
        return len(seen)

    new_endpoint(cast, description="Live one")
    new_endpoint(cast, mode="test", description="Test one")
    queries()
    few = queries()
    for _ in range(5):
        new_endpoint(cast)
    assert queries() == few
    page = owner.read("webhooks")
    assert ("Live one" in page, "Test one" in page) == (True, False)


# ---- signatures --------------------------------------------------------------------------------


def message(secret: str, body: str, at: datetime) -> dict[str, str]:
    """What the tester is given of a message that was signed so."""
    signed = signatures.headers("msg_1", at, body.encode(), [secret])
    return {
        "webhook_id": "msg_1",
        "timestamp": signed["webhook-timestamp"],
        "signature": signed["webhook-signature"],
        "body": body,
    }


BODY = '{"type":"key.revoked",\n"data":{}}'


@pytest.mark.parametrize(
    "minutes, changes, says",
    [
        (0, {}, "It verifies"),
        (0, {"body": BODY.replace("\n", "\r\n")}, "It verifies"),
        (-6, {}, "older than five minutes"),
        (6, {}, "more than five minutes ahead"),
        (0, {"body": BODY + " "}, "does not verify"),
        (0, {"webhook_id": "msg_2"}, "does not verify"),
        (0, {"signature": "v1,AAAA"}, "does not verify"),
        (0, {"signature": "sha256=abc"}, "cannot be read"),
        (0, {"timestamp": "yesterday"}, "cannot be read"),
        (0, {"timestamp": "9" * 20}, "cannot be read"),
    ],
)
def test_a_signature_is_judged_and_explained(
    owner: Visitor, cast: Cast, minutes: int, changes: dict[str, str], says: str
) -> None:
    endpoint, secret = new_endpoint(cast)
    sent = message(secret, BODY, datetime.now(UTC) + timedelta(minutes=minutes))
    answer = owner.send("test_signature", {"signer": str(endpoint.pk), **sent, **changes})
    assert says in words(answer.content.decode())


def test_both_secrets_verify_while_both_sign_and_anothers_never(owner: Visitor, cast: Cast) -> None:
    endpoint, old = new_endpoint(cast)
    other, _ = new_endpoint(cast)
    webhooks.rotate(endpoint=endpoint, by=BY)
    sent = message(old, BODY, datetime.now(UTC))
    assert (
        "It verifies" in owner.send("test_signature", {"signer": str(endpoint.pk), **sent}).content.decode()
    )
    wrong = owner.send("test_signature", {"signer": str(other.pk), **sent}).content.decode()
    assert "does not verify" in wrong
    strangers, _ = webhooks.create(
        organization=cast.strangers, mode="live", url=URL, events=[Event.BALANCE_LOW], by=BY
    )
    refused = owner.send("test_signature", {"signer": str(strangers.pk), **sent}).content.decode()
    assert "not one of the available" in refused


def test_without_a_signer_there_is_nothing_to_test(owner: Visitor) -> None:
    assert "Nothing is signed yet" in owner.read("test_signature")


# ---- who may what ------------------------------------------------------------------------------

PAGES: dict[str, tuple[str, set[str]]] = {
    "webhooks": ("get", set()),
    "create_webhook": ("get", set()),
    "test_signature": ("get", set()),
    "callbacks": ("get", set()),
    "callback_secret": ("get", set()),
    "remove_callback_secret": ("post", set()),
    "redeliver_callbacks": ("get", set()),
    "webhook": ("get", {"endpoint"}),
    "edit_webhook": ("get", {"endpoint"}),
    "rotate_webhook": ("get", {"endpoint"}),
    "enable_webhook": ("post", {"endpoint"}),
    "disable_webhook": ("post", {"endpoint"}),
    "ping_webhook": ("post", {"endpoint"}),
    "remove_webhook": ("get", {"endpoint"}),
    "redeliver_range": ("get", {"endpoint"}),
    "delivery": ("get", {"message"}),
    "redeliver": ("post", {"message"}),
}


def an_object(cast: Cast, mode: str = "live") -> dict[str, Any]:
    """An endpoint with a message to it."""
    endpoint, _ = new_endpoint(cast, mode=mode)
    return {"endpoint": endpoint.pk, "message": webhooks.ping(endpoint=endpoint, by=BY).pk}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", ["owner", "developer", "viewer", "stranger"])
def test_each_role_at_each_page(cast: Cast, role: str, page: str) -> None:
    method, names = PAGES[page]
    parts = {name: value for name, value in an_object(cast).items() if name in names}
    status = Visitor(getattr(cast, role), cast.organization).status(method, page, **parts)
    if role == "stranger":
        assert status == 404
    elif role == "viewer":
        assert status == 403
    else:
        assert status in (200, 302)


@pytest.mark.parametrize("page", [name for name, (_, parts) in PAGES.items() if parts])
def test_what_is_another_modes_or_teams_is_not_found(owner: Visitor, cast: Cast, page: str) -> None:
    method, names = PAGES[page]
    stranger = Visitor(cast.stranger, cast.strangers)
    for visitor, mode in ((owner, "test"), (stranger, "live")):
        parts = {name: value for name, value in an_object(cast, mode).items() if name in names}
        assert visitor.status(method, page, **parts) == 404


def test_health_is_counted_by_receiver(cast: Cast) -> None:
    endpoint, _ = new_endpoint(cast)
    silent, _ = new_endpoint(cast)
    with tenant(cast.organization):
        webhooks.ping(endpoint=endpoint, by=BY)
    found = {watched.endpoint.pk: watched for watched in reading.endpoints(cast.organization, "live")}
    assert found[endpoint.pk].health.pending == 1
    assert (found[silent.pk].health.pending, found[silent.pk].health.last) == (0, None)
