"""Who may what at the pages of keys."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import Mode, User
from billing import actions as billing
from tests.accounts.key_pages import CENT, new_key
from tests.accounts.visits import Visitor
from tests.cast import BY, Cast, make_key

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


PAGES = {
    "keys": ("get", {}),
    "create_key": ("get", {}),
    "find_key": ("post", {}),
    "key": ("get", {"key"}),
    "first_call": ("get", {"key"}),
    "edit_key": ("get", {"key"}),
    "rotate_key": ("get", {"key"}),
    "revoke_key": ("get", {"key"}),
    "thaw_key": ("post", {"key"}),
    "end_grace": ("post", {"key"}),
    "set_key_budget": ("get", {"key"}),
    "delete_key_budget": ("post", {"key", "budget"}),
}
SEES, OWN, MANAGES = {"owner", "developer"}, {"owner", "developer"}, {"owner"}
MAY: dict[str, set[str]] = {
    "keys": SEES, "create_key": OWN, "find_key": SEES, "key": SEES, "first_call": SEES, "edit_key": MANAGES,
    "rotate_key": MANAGES, "revoke_key": MANAGES, "thaw_key": MANAGES, "end_grace": MANAGES,
    "set_key_budget": MANAGES,
    "delete_key_budget": MANAGES,
}  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", ["owner", "developer", "viewer", "stranger"])
def test_each_role_at_each_page_of_a_key_of_the_team(cast: Cast, role: str, page: str) -> None:
    key = new_key(cast.organization)
    budget = billing.set_budget(
        organization=cast.organization, period="day", limit=CENT, by=BY, mode="live", key=key.pk
    )
    method, names = PAGES[page]
    parts = {name: {"key": key.pk, "budget": budget.pk}[name] for name in names}
    person: User = getattr(cast, role)
    status = Visitor(person, cast.organization).status(method, page, **parts)
    if role == "stranger":
        assert status == 404
    elif role in MAY[page]:
        assert status in (200, 302)
    else:
        assert status == 403


@pytest.mark.parametrize("page", ["edit_key", "rotate_key", "revoke_key"])
def test_a_developer_changes_a_key_of_his_own(developer: Visitor, cast: Cast, page: str) -> None:
    own = new_key(cast.organization, member=cast.developer)
    anothers = new_key(cast.organization, member=cast.owner)
    assert developer.status("get", page, key=own.pk) == 200
    assert developer.status("get", page, key=anothers.pk) == 403


@pytest.mark.parametrize("page", [name for name, (_, parts) in PAGES.items() if "key" in parts])
def test_the_key_of_another_team_or_mode_is_not_found(owner: Visitor, cast: Cast, page: str) -> None:
    strangers, in_test = new_key(cast.strangers), new_key(cast.organization, mode=Mode.TEST)
    method, names = PAGES[page]
    for key in (strangers, in_test):
        parts = dict.fromkeys(names, key.pk)
        assert owner.status(method, page, **parts) == 404


def test_nobody_in_particular_is_led_to_log_in(cast: Cast) -> None:
    answer = Client(SERVER_NAME="localhost").get(f"/o/{cast.organization.slug}/keys/")
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/login/")


def test_a_developer_sees_no_audit_lines(owner: Visitor, developer: Visitor, cast: Cast) -> None:
    key = new_key(cast.organization)
    assert "What was done to it" in owner.read("key", key=key.pk)
    assert "What was done to it" not in developer.read("key", key=key.pk)


def test_a_strangers_keys_are_in_no_list(cast: Cast) -> None:
    make_key(cast.organization)
    assert "No keys yet" in Visitor(cast.stranger, cast.strangers).read("keys")
