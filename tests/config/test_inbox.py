"""The development inbox: callbacks on a laptop, and no way through it in production."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from accounts.actions import webhooks
from accounts.errors import InvalidValue
from accounts.models import User
from accounts.webhooks import addresses, inbox
from tests.cast import BY, Cast
from tests.flows.wire import CLIENT, EVOLINK, eventually
from tests.house import Servers

pytestmark = pytest.mark.filterwarnings("ignore:No directory at")


@pytest.fixture
def address(cast: Cast) -> str:
    return inbox.address(cast.organization.pk)


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "EASEL", replace(settings.EASEL, env="production"))


def visitor(user: User | None = None) -> Client:
    client = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    if user is not None:
        client.force_login(user)
    return client


def path(url: str) -> str:
    return url.removeprefix(settings.EASEL.url)


def test_a_callback_to_the_inbox_arrives_without_leaving_the_machine(cast: Cast, servers: Servers) -> None:
    """The whole way: the door takes the http address, the janitor puts the message there, the page
    shows it with its verdict."""
    web = servers.shared()
    cast.credit(1)
    secret = webhooks.rotate_callback_secret(organization=cast.organization, mode="live", by=BY)
    url = web.url + path(inbox.address(cast.organization.pk))
    answer = EVOLINK.post(web.url, cast.key(), EVOLINK.order(callback_url=url))
    assert answer.status_code == 200, answer.text
    (item,) = eventually(lambda: inbox.latest(cast.organization))
    told = json.loads(bytes(item.body))
    assert (told["id"], told["status"]) == (answer.json()["id"], "completed")
    assert item.signature == "verified"
    page = visitor(cast.owner).get("/inbox/").content.decode()
    assert told["id"] in page
    assert "Signature verified" in page
    assert secret not in page


def test_everybody_sees_the_inboxes_of_his_teams_only(cast: Cast, address: str) -> None:
    inbox.keep(cast.organization.pk, "POST", {"x-who": "ours-alone"}, b"{}")
    assert "ours-alone" in visitor(cast.viewer).get("/inbox/").content.decode()
    strangers = visitor(cast.stranger).get("/inbox/").content.decode()
    assert "ours-alone" not in strangers
    assert address not in strangers
    assert visitor().get("/inbox/").headers["Location"].startswith("/login/")


def test_programs_post_to_an_inbox_by_http_too(cast: Cast, servers: Servers) -> None:
    url = servers.shared().url + path(inbox.address(cast.organization.pk))
    answer = CLIENT.post(url, content=b"<script>alert(1)</script>", headers={"Cookie": "a=secret-of-mine"})
    assert answer.status_code == 200
    (item,) = inbox.latest(cast.organization)
    assert (item.signature, "Cookie" in item.headers) == ("unsigned", False)
    page = visitor(cast.owner).get("/inbox/").content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page


def test_a_forged_signature_is_shown_as_wrong(cast: Cast) -> None:
    headers = {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
    inbox.keep(cast.organization.pk, "POST", headers, b"{}")
    assert "Signature wrong" in visitor(cast.owner).get("/inbox/").content.decode()


@pytest.mark.parametrize("change", ["cut", "other", "longer", "nobody"])
def test_a_token_opens_its_own_inbox_only(cast: Cast, address: str, change: str) -> None:
    token = address.rpartition("/")[2]
    strangers = cast.strangers.pk.hex
    wrong = {
        "cut": token[:-1],
        "other": strangers + token[32:],
        "longer": f"{token}A",
        "nobody": "nobody",
    }[change]
    assert inbox.holder(token) == cast.organization.pk
    assert inbox.holder(wrong) is None
    assert visitor().post(f"/inbox/{wrong}", b"{}", content_type="application/json").status_code == 404
    with pytest.raises(InvalidValue):
        addresses.host_of(address.replace(token, wrong))


def test_an_inbox_keeps_the_newest_two_hundred_and_sixty_four_kilobytes(cast: Cast) -> None:
    for number in range(inbox.KEPT + 3):
        inbox.keep(cast.organization.pk, "POST", {"n": str(number)}, b"x" * (70_000 if number > 200 else 1))
    items = inbox.latest(cast.organization)
    assert [item.headers["n"] for item in items[:2]] == ["202", "201"]
    assert (len(items), len(items[0].body)) == (inbox.KEPT, inbox.MOST_BYTES)


def test_production_knows_no_inbox(cast: Cast, address: str, production: Any) -> None:
    assert inbox.owner(address) is None
    assert visitor(cast.owner).get("/inbox/", secure=True).status_code == 404
    posted = visitor().post(path(address), b"{}", content_type="application/json", secure=True)
    assert posted.status_code == 404
    with pytest.raises(InvalidValue):
        addresses.host_of(address)
    with pytest.raises(InvalidValue):
        addresses.host_of(address.replace("http:", "https:"))


def test_reading_is_not_posting(cast: Cast, address: str) -> None:
    assert visitor(cast.owner).get(path(address)).status_code == 405
    assert visitor(cast.owner).post("/inbox/").status_code in (403, 405)
