"""`/report-key/`: whoever found a key ends it, without a login, and learns nothing."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts import directory, keys
from accounts.actions import keys as actions
from accounts.api.leaks import MESSAGE, PER_MINUTE
from runtime import ids
from tests.accounts.key_pages import as_stored, new_key
from tests.accounts.visits import words
from tests.cast import BY, Cast

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


@pytest.fixture
def address() -> str:
    """A finder's network address of his own, so that no other test's reports count."""
    return "2001:db8::" + ":".join(ids.word(4, "123456789abcdef") for _ in range(3))


def report(address: str, key: str, found_at: str = "") -> Any:
    client = Client(SERVER_NAME="localhost", REMOTE_ADDR=address)
    return client.post("/report-key/", {"key": key, "found_at": found_at})


def told(answer: Any) -> str:
    assert (answer.status_code, answer["Location"]) == (302, "/report-key/?thanks")
    return words(Client(SERVER_NAME="localhost").get(answer["Location"]).content.decode())


def test_a_found_key_ends_and_its_owners_are_told(cast: Cast, address: str, mailoutbox: Any) -> None:
    key, plain = actions.create(organization=cast.organization, mode="live", name="Shop", by=BY)
    assert MESSAGE in told(report(address, plain, "https://example.com/paste/7"))
    assert as_stored(key).revoked_at is not None
    (letter,) = mail.outbox
    assert letter.to == [cast.owner.email]
    assert "https://example.com/paste/7" in letter.body
    assert plain not in letter.body
    (leaked, _revoked) = directory.key_events(cast.organization, key.pk, size=2)
    assert (leaked.action, leaked.ip) == ("key.leaked", address)


def test_the_line_it_stands_in_will_do(cast: Cast, address: str) -> None:
    key, plain = actions.create(organization=cast.organization, mode="test", name="Shop", by=BY)
    told(report(address, f'EASEL_KEY="{plain}"  # do not commit'))
    assert as_stored(key).revoked_at is not None


def test_a_secret_from_before_a_rotation_ends_alone(cast: Cast, address: str) -> None:
    key, plain = actions.create(organization=cast.organization, mode="live", name="Shop", by=BY)
    actions.rotate(key=key, grace=timedelta(days=1), by=BY)
    told(report(address, plain))
    after = as_stored(key)
    assert (after.revoked_at, after.previous_digest) == (None, None)


def test_a_key_of_nobody_gets_the_same_answer(cast: Cast, address: str) -> None:
    _, known = actions.create(organization=cast.organization, mode="live", name="Shop", by=BY)
    unknown = keys.mint("live").plain
    answers = [report(address, key) for key in (known, unknown, known)]
    assert len({(answer.status_code, answer["Location"], answer.content) for answer in answers}) == 1


@pytest.mark.parametrize("text", ["", "sk-123", "easel_live_abc", "easel_live_" + "A" * 48])
def test_what_cannot_be_a_key_is_said_by_arithmetic(address: str, text: str) -> None:
    answer = report(address, text, "kept as typed")
    source = answer.content.decode()
    assert answer.status_code == 200
    assert 'aria-invalid="true"' in source
    assert 'value="kept as typed"' in source


def test_two_keys_at_once_are_asked_for_one_by_one(cast: Cast, address: str) -> None:
    found = " ".join(
        actions.create(organization=cast.organization, mode="live", name="n", by=BY)[1] for _ in "ab"
    )
    assert "one by one" in report(address, found).content.decode()


def test_an_address_reports_twenty_a_minute(address: str) -> None:
    time.sleep(max(0, 62 - time.time() % 60) if time.time() % 60 > 50 else 0)  # all in one minute
    for _ in range(PER_MINUTE):
        told(report(address, keys.mint("live").plain))
    refused = report(address, keys.mint("live").plain)
    assert refused.status_code == 429
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert "Too many reports" in refused.content.decode()


def test_the_page_needs_no_login_keeps_nothing_and_is_guarded(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True, SERVER_NAME="localhost")
    answer = client.get("/report-key/")
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert not re.search(r"\sstyle=|<script", answer.content.decode())
    key = new_key(cast.organization)
    assert client.post("/report-key/", {"key": "x"}).status_code == 403
    assert as_stored(key).revoked_at is None
