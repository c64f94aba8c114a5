"""Keys changed, rotated, revoked and limited on their pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts import admission, directory
from accounts.actions import keys
from accounts.errors import AuthError
from accounts.models import ApiKey
from billing import actions as billing
from billing import entries
from runtime.clock import utc_now
from tests.accounts.key_pages import CENT, SECRET, as_stored, new_key
from tests.accounts.visits import Visitor, words
from tests.cast import BY, Cast

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


def edit_fields(key: ApiKey, **more: Any) -> dict[str, Any]:
    day = key.expires_at.date().isoformat() if key.expires_at else ""
    return {"name": key.name, "home_door": key.home_door, "networks": "", "expires_on": day, **more}


def test_an_edit_changes_what_was_changed_and_nothing_else(owner: Visitor, cast: Cast) -> None:
    key = new_key(cast.organization, expires_at=utc_now() + timedelta(days=30), networks=("10.0.0.0/8",))
    fields = edit_fields(key, name="Shop", networks="10.0.0.0/8", requests_per_minute="5")
    assert "Saved" in owner.follow(owner.send("edit_key", fields, key=key.pk))
    after = as_stored(key)
    assert (after.name, after.requests_per_minute, after.networks) == ("Shop", 5, ["10.0.0.0/8"])
    assert after.expires_at == key.expires_at
    events = directory.key_events(cast.organization, key.pk, size=5)
    assert (events[0].action, set(events[0].after)) == ("key.edit", {"name", "requests_per_minute"})


def test_an_expiry_lasts_to_the_end_of_its_day_and_can_be_lifted(owner: Visitor, cast: Cast) -> None:
    key = new_key(cast.organization)
    day = (utc_now() + timedelta(days=3)).date()
    owner.send("edit_key", edit_fields(key, expires_on=day.isoformat()), key=key.pk)
    expires = as_stored(key).expires_at
    assert expires is not None
    assert expires.isoformat() == f"{day + timedelta(days=1)}T00:00:00+00:00"
    assert f'value="{day}"' in owner.look("edit_key", key=key.pk)
    owner.send("edit_key", edit_fields(key, expires_on=""), key=key.pk)
    assert as_stored(key).expires_at is None


def test_a_day_that_is_over_is_refused_and_what_was_typed_stays(owner: Visitor, cast: Cast) -> None:
    key = new_key(cast.organization)
    answer = owner.send("edit_key", edit_fields(key, name="Typed", expires_on="2020-01-01"), key=key.pk)
    page = answer.content.decode()
    assert "would have expired already" in page
    assert 'value="Typed"' in page
    assert as_stored(key).name == "Website"


def test_a_model_that_the_catalogue_does_not_show_is_kept(owner: Visitor, cast: Cast) -> None:
    key = new_key(cast.organization, models_allowed=("gemini-2.5-flash-image-official",))
    fields = edit_fields(key, models_allowed=["gemini-2.5-flash-image-official"])
    owner.follow(owner.send("edit_key", fields, key=key.pk))
    assert as_stored(key).models_allowed == ["gemini-2.5-flash-image-official"]


def test_a_revoked_key_is_not_changed(owner: Visitor, cast: Cast) -> None:
    key = new_key(cast.organization)
    keys.revoke(key=key, reason="", by=BY)
    assert "was revoked" in owner.follow(owner.send("edit_key", edit_fields(key, name="No"), key=key.pk))
    rotated = owner.send("rotate_key", {"grace": "0", "once": "a"}, key=key.pk)
    assert "was revoked" in owner.follow(rotated)
    assert as_stored(key).name == "Website"


@pytest.mark.parametrize("grace, works", [("0", False), ("3600", True), ("604800", True)])
def test_a_rotation_shows_the_new_secret_and_keeps_the_old_for_its_grace(
    owner: Visitor, cast: Cast, grace: str, works: bool
) -> None:
    key, old = keys.create(organization=cast.organization, mode="live", name="CI", by=BY)
    once = owner.once("rotate_key", key=key.pk)
    source = owner.send("rotate_key", {"grace": grace, "once": once}, key=key.pk).content.decode()
    assert f'href="{owner.address("key", key=key.pk)}">Go to the key' in source
    new = SECRET.findall(source)[0]
    assert new != old
    assert admission.authenticate(new, ip="", agent="", door="openai").key_id == key.pk
    if works:
        assert admission.authenticate(old, ip="", agent="", door="openai").key_id == key.pk
        assert "Somebody used it" in owner.read("key", key=key.pk)
    else:
        with pytest.raises(AuthError):
            admission.authenticate(old, ip="", agent="", door="openai")
    again = owner.send("rotate_key", {"grace": grace, "once": once}, key=key.pk)
    assert not SECRET.search(owner.follow(again))
    assert as_stored(key).last_four == new[-4:]


def test_a_grace_of_another_length_is_refused(owner: Visitor, cast: Cast) -> None:
    key = new_key(cast.organization)
    answer = owner.send("rotate_key", {"grace": "999999999", "once": "a"}, key=key.pk)
    assert answer.status_code == 200
    assert as_stored(key).last_four == key.last_four


def test_a_key_ends_when_its_name_is_typed(owner: Visitor, cast: Cast) -> None:
    key, plain = keys.create(organization=cast.organization, mode="live", name="CI", by=BY)
    page = owner.read("revoke_key", key=key.pk)
    assert "No request came with it in the last 24 hours" in page
    assert "Nothing it ordered is under way" in page
    wrong = owner.send("revoke_key", {"name": "ci", "reason": "Kept"}, key=key.pk).content.decode()
    assert "Type the key" in words(wrong)
    assert 'value="Kept"' in wrong
    page = owner.follow(owner.send("revoke_key", {"name": "CI", "reason": "Contractor left."}, key=key.pk))
    assert "Contractor left." in page
    assert as_stored(key).revoked_at is not None
    with pytest.raises(AuthError):
        admission.authenticate(plain, ip="", agent="", door="openai")


# ---- budgets -----------------------------------------------------------------------------------


def test_a_budget_is_set_changed_shown_and_lifted(owner: Visitor, cast: Cast) -> None:
    key = new_key(cast.organization)
    for limit in ("5", "7.25"):
        page = owner.follow(owner.send("set_key_budget", {"period": "week", "limit": limit}, key=key.pk))
    assert "This week $0.00 of $7.25" in page
    assert "Budget per week set to $7.25" in page
    (held,) = entries.budgets(cast.organization, "live")
    assert (held.key, held.limit, held.alert_percent) == (key.pk, 725 * CENT, None)
    told = {"period": "week", "limit": "7.25", "alert_percent": "60"}
    assert "People are told at 60 percent" in owner.follow(owner.send("set_key_budget", told, key=key.pk))
    assert 'value="60"' in owner.look("set_key_budget", "?period=week", key=key.pk)
    page = owner.follow(owner.send("delete_key_budget", key=key.pk, budget=held.id))
    assert entries.budgets(cast.organization, "live") == []
    assert "Budget per week lifted" in page


@pytest.mark.parametrize(
    "fields",
    [
        {"period": "year", "limit": "1"},
        {"period": "day", "limit": "-1"},
        {"period": "day"},
        {"period": "day", "limit": "1", "alert_percent": "100"},
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(owner: Visitor, cast: Cast, fields: dict[str, str]) -> None:
    key = new_key(cast.organization)
    answer = owner.send("set_key_budget", fields, key=key.pk)
    assert answer.status_code == 200
    assert 'aria-invalid="true"' in answer.content.decode()
    assert entries.budgets(cast.organization, "live") == []


def test_the_budget_of_another_key_is_not_lifted_from_here(owner: Visitor, cast: Cast) -> None:
    key, other = new_key(cast.organization), new_key(cast.organization)
    held = billing.set_budget(
        organization=cast.organization, period="day", limit=CENT, by=BY, mode="live", key=other.pk
    )
    assert owner.send("delete_key_budget", key=key.pk, budget=held.pk).status_code == 404
