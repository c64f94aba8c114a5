"""The page that makes keys: what may be chosen, and a secret that is shown once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts import admission, directory
from billing import entries
from runtime.clock import utc_now
from tests.accounts.key_pages import CENT, SECRET, as_stored, form, make, new_key
from tests.accounts.visits import Visitor
from tests.cast import Cast

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


def test_a_new_key_works_and_has_the_modes_and_the_usual_life(owner: Visitor) -> None:
    source, key = make(owner)
    secret = SECRET.findall(source)[0]
    caller = admission.authenticate(secret, ip="127.0.0.1", agent="test", door="openai")
    assert caller.key_id == key.pk
    assert (key.mode, key.home_door, key.member) == ("live", "openai", None)
    assert key.expires_at is not None
    assert timedelta(days=364) < key.expires_at - utc_now() <= timedelta(days=365)


def test_the_secret_is_in_that_answer_and_nowhere_after(owner: Visitor) -> None:
    source, key = make(owner)
    secret = SECRET.findall(source)[0]
    assert set(SECRET.findall(source)) == {secret}
    for page in (owner.look("key", key=key.pk), owner.look("keys"), owner.look("create_key")):
        assert secret not in page
    assert secret not in str(dict(owner.client.session))


def test_the_answer_with_the_secret_is_kept_by_no_cache(owner: Visitor) -> None:
    answer = owner.send("create_key", form(owner))
    assert "no-store" in answer["Cache-Control"]


def test_a_form_sent_twice_makes_one_key_and_shows_it_once(owner: Visitor) -> None:
    fields = form(owner)
    first = owner.send("create_key", fields)
    assert SECRET.search(first.content.decode())
    second = owner.send("create_key", fields)
    again = owner.follow(second)
    assert "its secret was shown then" in again
    assert not SECRET.search(again)
    assert directory.key_counts(owner.team, "live")["all"] == 1


def test_a_test_key_is_made_in_test_mode(owner: Visitor) -> None:
    owner.look("keys", "?mode=test")
    _, key = make(owner)
    assert key.mode == "test"
    assert directory.key_counts(owner.team, "live")["all"] == 0


def test_everything_that_may_be_chosen_is_kept(owner: Visitor) -> None:
    chosen = {
        "name": "Batch",
        "home_door": "gmi",
        "expires": "never",
        "scopes": ["images:create", "images:read"],
        "models_allowed": ["gemini-2.5-flash-image"],
        "doors_allowed": ["gmi", "gemini"],
        "networks": "203.0.113.7\n2001:db8::/32, 10.0.0.0/8",
        "requests_per_minute": "60",
        "concurrency": "4",
        "budget-day": "1.50",
        "budget-month": "25",
    }
    _, key = make(owner, **chosen)
    assert (key.name, key.home_door, key.expires_at) == ("Batch", "gmi", None)
    assert key.scopes == ["images:create", "images:read"]
    assert key.models_allowed == ["gemini-2.5-flash-image"]
    assert sorted(key.doors_allowed) == ["gemini", "gmi"]
    assert key.networks == ["203.0.113.7/32", "2001:db8::/32", "10.0.0.0/8"]
    assert (key.requests_per_minute, key.concurrency) == (60, 4)
    limits = {
        limit.period: (limit.limit, limit.alert_percent) for limit in entries.budgets(owner.team, "live")
    }
    assert limits == {"day": (150 * CENT, 80), "month": (2500 * CENT, 80)}


@pytest.mark.parametrize(
    "field, value, said",
    [
        ("name", "", "required"),
        ("name", "x" * 121, "120"),
        ("name", "a\x07bell", "printable"),
        ("home_door", "fax", "not one of the available"),
        ("holder", "everybody", "not one of the available"),
        ("expires", "4", "not one of the available"),
        ("networks", "203.0.113.0/240", "no network"),
        ("models_allowed", ["gpt-9"], "not one of the available"),
        ("requests_per_minute", "0", "1,000,000"),
        ("requests_per_minute", "many", "whole number"),
        ("concurrency", "-1", "1,000,000"),
        ("budget-day", "0", "above zero"),
        ("budget-week", "a lot", "Write an amount in dollars"),
        ("budget-month", "0.0000000001", "nine decimals"),
        ("budget-month", "NaN", "Write an amount in dollars"),
        ("scopes", ["images:create", "admin:all"], "not one of the available"),
    ],
)
def test_what_cannot_be_kept_is_said_where_it_stands(
    owner: Visitor, field: str, value: Any, said: str
) -> None:
    answer = owner.send("create_key", form(owner, **{"name": "Kept as typed", field: value}))
    source = answer.content.decode()
    assert answer.status_code == 200
    assert said in source
    assert 'aria-invalid="true"' in source
    if field != "name":
        assert 'value="Kept as typed"' in source
    assert directory.key_counts(owner.team, "live")["all"] == 0


def test_a_key_that_makes_images_and_manages_is_refused(owner: Visitor) -> None:
    both = {"scopes": ["images:create"], "management": ["manage:read"]}
    answer = owner.send("create_key", form(owner, **both))
    assert "either makes images or manages" in answer.content.decode()
    assert directory.key_counts(owner.team, "live")["all"] == 0


def test_a_key_that_manages_is_shown_with_programs_of_the_management_api(owner: Visitor) -> None:
    source, key = make(owner, management=["manage:read"])
    assert key.scopes == ["manage:read"]
    assert "/api/v1/keys" in source
    assert "/openai/v1" not in source


def test_a_developer_makes_keys_of_his_own_only_and_sets_no_budgets(developer: Visitor, cast: Cast) -> None:
    assert 'name="budget-day"' not in developer.look("create_key")
    _, key = make(developer, **{"budget-day": "5"})
    assert key.member == cast.developer
    assert entries.budgets(developer.team, "live") == []
    refused = developer.send("create_key", form(developer, holder="team"))
    assert "not one of the available" in refused.content.decode()


def test_whoever_showed_who_he_is_long_ago_shows_it_again_before_a_secret(cast: Cast) -> None:
    cast.owner.set_password("a long and quiet password")
    cast.owner.save(update_fields=["password"])
    stale = Visitor(cast.owner, cast.organization, stale=3600)
    key = new_key(cast.organization)
    for answer in (
        stale.client.get(stale.address("create_key")),
        stale.send("rotate_key", {"grace": "0", "once": "x"}, key=key.pk),
    ):
        assert answer.status_code == 302
        assert "reauthenticate" in answer["Location"]
    assert as_stored(key).last_four == key.last_four
