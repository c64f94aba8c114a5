"""Somebody is invited, comes in with a browser of his own, and finds the doors of his role."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.accounts.people import PASSWORD, address
from tests.browser.people import Person
from tests.cast import Cast

pytestmark = pytest.mark.browser

NOT_FOR_VIEWERS = (
    "keys/",
    "keys/new/",
    "playground/",
    "webhooks/",
    "audit/",
    "invitations/",
    "billing/entries/",
)


def test_an_invited_viewer_looks_and_changes_nothing(
    visit: Callable[..., Person], stranger: Callable[..., Person], cast: Cast
) -> None:
    owner, guest, email = visit(cast.owner, cast.organization), stranger(), address()
    invites(owner, email, "Viewer")
    comes_in(guest, email, cast.organization.name)
    guest.team = cast.organization.slug

    assert guest.has_link("Tasks")
    for link in ("API keys", "Playground", "Webhooks", "Audit log"):
        assert not guest.has_link(link)
    guest.follows("Overview")
    assert not guest.has_link("Create key")
    for place in NOT_FOR_VIEWERS:
        guest.is_denied(place)
        guest.sees("The role Viewer cannot do this. Ask an owner")
    guest.is_denied(f"/o/{cast.strangers.slug}/", 404)

    owner.opens("members/")
    expect(owner.page.get_by_role("row", name=email)).to_contain_text("Viewer")


def test_a_developer_of_the_studio_makes_keys_but_not_members(enter: Callable[..., Person]) -> None:
    developer = enter("developer")
    developer.opens("keys/")
    assert developer.has_link("Create key")
    developer.opens("members/")
    assert not developer.has_link("Invite")
    developer.is_denied("invitations/new/")


def invites(owner: Person, email: str, role: str) -> None:
    owner.opens("members/")
    owner.follows("Invite")
    owner.types(email=email)
    owner.chooses(role)
    owner.presses("Send invitation")
    owner.sees(email)


def comes_in(guest: Person, email: str, team: str) -> None:
    """By the link in the mail, with an account made on the way."""
    guest.opens(guest.finds_in_mail(email, "invitations/"))
    guest.sees_heading(f"Join {team}")
    guest.follows(f"Sign up as {email}")
    guest.types(password1=PASSWORD)
    guest.presses("Sign up")
    if guest.path.startswith("/confirm-email"):
        guest.opens(guest.finds_in_mail(email, "confirm-email/"))
        guest.presses("Yes, confirm")
    guest.presses(f"Join {team}")
    guest.sees_heading(team)
