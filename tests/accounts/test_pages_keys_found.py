"""Keys listed and looked for on their pages."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actions import keys
from accounts.models import ApiKey
from runtime.clock import utc_now
from runtime.tenancy import tenant
from tests.accounts.key_pages import new_key
from tests.accounts.visits import Visitor, words
from tests.cast import BY, Cast

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


def test_a_whole_key_leads_to_its_page(owner: Visitor, cast: Cast) -> None:
    _, plain = keys.create(organization=cast.organization, mode="test", name="CI", by=BY)
    page = owner.follow(owner.send("find_key", {"key": f" {plain} "}))
    assert "CI" in page
    assert "Its secret is the current one" in page
    assert plain not in page


def test_the_secret_from_before_a_rotation_is_told_from_the_current_one(owner: Visitor, cast: Cast) -> None:
    key, plain = keys.create(organization=cast.organization, mode="live", name="CI", by=BY)
    keys.rotate(key=key, grace=timedelta(days=1), by=BY)
    assert "from before the last rotation" in owner.follow(owner.send("find_key", {"key": plain}))


def test_a_beginning_leads_to_the_key_and_an_ambiguous_one_to_a_choice(owner: Visitor, cast: Cast) -> None:
    key = new_key(cast.organization, name="Alone")
    page = owner.follow(owner.send("find_key", {"key": key.prefix[:-2]}))
    assert "Alone" in page
    assert "Whose key is this" in words(owner.send("find_key", {"key": "easel_live_"}).content.decode())


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "Paste a key first"),
        ("easel_live_ab", "No key of this team begins so"),
        ("easel_live_K7c2QmZp9a" + "x" * 38, "its last letters do not fit"),
        ("'; DROP TABLE accounts_apikey; --", "its last letters do not fit"),
        ("%%%", "No key of this team begins so"),
    ],
)
def test_what_is_found_nowhere_is_explained(owner: Visitor, text: str, said: str) -> None:
    answer = owner.send("find_key", {"key": text})
    assert answer.status_code == 200
    assert said in words(answer.content.decode())


def test_anothers_key_is_not_found_and_may_be_reported(owner: Visitor, cast: Cast) -> None:
    page = words(owner.send("find_key", {"key": cast.strangers_key()}).content.decode())
    assert "none of" in page
    assert "Report a key" in page


def test_a_search_never_stands_in_an_address(owner: Visitor) -> None:
    assert owner.status("get", "find_key") == 405


# ---- listed ------------------------------------------------------------------------------------


def test_the_list_shows_the_keys_of_the_mode_in_the_asked_state(owner: Visitor, cast: Cast) -> None:
    new_key(cast.organization, name="Alive")
    new_key(cast.organization, mode="test", name="In test")
    ended = new_key(cast.organization, name="Ended")
    keys.revoke(key=ended, reason="", by=BY)
    late = new_key(cast.organization, name="Late", expires_at=utc_now() + timedelta(days=1))
    with tenant(cast.organization):
        ApiKey.objects.of(cast.organization).filter(pk=late.pk).update(expires_at=utc_now())
    seen = {state: owner.read("keys", f"?state={state}") for state in ("active", "expired", "revoked", "all")}
    names = ("Alive", "Ended", "Late", "In test")
    assert {state: [name for name in names if name in page] for state, page in seen.items()} == {
        "active": ["Alive"],
        "expired": ["Late"],
        "revoked": ["Ended"],
        "all": ["Alive", "Ended", "Late"],
    }
    assert "Active 1 Expired 1 Revoked 1 All 3" in seen["active"]
    assert "In test" in owner.read("keys", "?mode=test")


def test_pages_of_the_list_go_on_and_back(owner: Visitor, cast: Cast) -> None:
    for number in range(27):
        new_key(cast.organization, name=f"Key {number:02}")
    first = owner.look("keys")
    older = re.search(r'href="([^"]+)" rel="next"', first)
    assert older
    assert "Key 26" in first
    assert "Key 01" not in first
    second = owner.look("keys", older[1].replace("&amp;", "&"))
    assert "Key 01" in second
    assert "Key 02" not in second
    newer = re.search(r'href="([^"]+)" rel="prev"', second)
    assert newer
    back = owner.look("keys", newer[1].replace("&amp;", "&"))
    assert "Key 26" in back
    assert 'rel="prev"' not in back


@pytest.mark.parametrize(
    "query", ["?state=stolen", "?before=x", "?before=1-2", "?after=99999999999999999999-a"]
)
def test_an_address_that_no_page_wrote_is_not_found(owner: Visitor, query: str) -> None:
    assert owner.client.get(owner.address("keys") + query).status_code == 404


def test_the_number_of_queries_does_not_grow_with_the_keys(owner: Visitor, cast: Cast) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            owner.look("keys")
        return len(seen)

    new_key(cast.organization)
    queries()  # what is read once by each process
    few = queries()
    for _ in range(9):
        new_key(cast.organization, member=cast.developer)
    assert queries() == few


def test_a_name_is_text_whatever_it_holds(owner: Visitor, cast: Cast) -> None:
    key = new_key(cast.organization, name='"><script>alert(1)</script>')
    for name, parts in (("keys", {}), ("key", {"key": key.pk}), ("revoke_key", {"key": key.pk})):
        source = owner.look(name, **parts)
        assert "<script>alert" not in source
        assert "&lt;script&gt;alert" in source
        assert not re.search(r"\sstyle=|\son[a-z]+=|javascript:", source)
