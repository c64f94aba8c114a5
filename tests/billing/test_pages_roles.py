"""Who may open which page of money."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest

from accounts.actions import members
from accounts.models import Role, User
from runtime.clock import utc_now
from tests.accounts.visits import Visitor
from tests.cast import BY, Cast, make_user

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


def member(cast: Cast, role: str) -> User:
    """Somebody of this role, or the stranger."""
    if role in ("owner", "stranger"):
        found: User = getattr(cast, role)
        return found
    user = make_user(role)
    members.add(organization=cast.organization, user=user, role=Role(role), by=BY)
    return user


ROLES = ("owner", "admin", "developer", "billing", "viewer", "stranger")
DOORS = {
    #                             own adm dev bil vie str
    ("get", "billing"):          "200 200 200 200 200 404",
    ("get", "prices"):           "200 200 200 200 200 404",
    ("get", "budgets"):          "200 200 200 200 200 404",
    ("get", "entries"):          "200 200 403 200 403 404",
    ("get", "export_entries"):   "200 200 403 200 403 404",
    ("get", "statements"):       "200 200 403 200 403 404",
    ("get", "statement"):        "200 200 403 200 403 404",
    ("get", "export_statement"): "200 200 403 200 403 404",
    ("get", "verify"):           "200 200 403 200 403 404",
    ("get", "set_budget"):       "200 200 403 403 403 404",
    ("post", "delete_budget"):   "404 404 403 403 403 404",
    ("get", "balance_alert"):    "200 403 403 200 403 404",
    ("post", "delete_balance_alert"): "404 403 403 404 403 404",
    ("get", "request_credit"):   "200 403 403 200 403 404",
    ("post", "withdraw_request"): "404 403 403 404 403 404",
}  # fmt: skip
PARTS = {
    "statement": lambda: {"month": this_month()},
    "export_statement": lambda: {"month": this_month()},
    "delete_budget": lambda: {"budget": uuid4()},
    "withdraw_request": lambda: {"asked": uuid4()},
}


def this_month() -> str:
    return f"{utc_now():%Y-%m}"


@pytest.mark.parametrize("place, role", enumerate(ROLES), ids=ROLES)
def test_who_may_open_which_door(cast: Cast, place: int, role: str) -> None:
    visitor = Visitor(member(cast, role), cast.organization)
    found = {
        (method, name): visitor.status(method, name, **PARTS.get(name, dict)()) for method, name in DOORS
    }
    assert found == {door: int(cells.split()[place]) for door, cells in DOORS.items()}


@pytest.mark.parametrize("role", ["developer", "viewer"])
def test_a_weak_role_is_shown_no_books_and_no_buttons(cast: Cast, role: str) -> None:
    cast.credit(3)
    source = Visitor(member(cast, role), cast.organization).look("billing")
    for door in ("entries", "statements", "request", "alert", "verify"):
        assert f"/billing/{door}/" not in source
    assert "Available" in source


@pytest.mark.parametrize(
    "name", ["billing", "entries", "budgets", "statements", "prices", "usage", "set_budget"]
)
def test_pages_bring_no_script_or_style_of_their_own(cast: Cast, name: str) -> None:
    cast.credit(3)
    source = Visitor(cast.owner, cast.organization).look(name)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", source)
    for script in re.findall(r"<script[^>]*>", source):
        assert "src=" in script or 'type="application/json"' in script


@pytest.mark.parametrize("name", ["usage", "entries", "statements", "set_budget", "request_credit"])
def test_every_label_names_its_field_and_no_id_comes_twice(cast: Cast, name: str) -> None:
    source = Visitor(cast.owner, cast.organization).look(name, "?range=custom&from=2026-01-01&to=2026-01-02")
    ids = re.findall(r'\sid="([^"]+)"', source)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'<label for="([^"]*)"', source)) <= set(ids)
