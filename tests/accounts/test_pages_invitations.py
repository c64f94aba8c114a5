"""Invitations (T3, A30): for one address, for a week, once."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import directory, roster
from accounts.actions import invitations, members
from accounts.errors import Conflict, InvalidValue, NotAllowed
from accounts.models import Invitation, Organization, Role, User
from runtime.slices import Place
from runtime.tenancy import tenant
from tests.accounts.people import (
    BY,
    PASSWORD,
    address,
    browser,
    link,
    logged_in,
    mails,
    of,
    person,
    said,
)

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


def invite(organization: Organization, email: str, role: str = Role.DEVELOPER) -> str:
    """The path of the link in the mail."""
    invitations.create(organization=organization, email=email, role=role, by=BY)
    return link(email, "invitations/")


def roles_of(email: str, organization: Organization) -> list[str]:
    user = User.objects.get(email=email)
    return [each.role for each in directory.memberships_of(user) if each.organization_id == organization.pk]


def only(organization: Organization) -> Invitation:
    (row,) = roster.invitations(organization, "all", Place(), size=10).rows
    return row


def age(organization: Organization, days: int) -> None:
    with tenant(organization):
        Invitation.objects.of(organization).update(expires_at=timezone.now() - timedelta(days=days))


# ---- sending -------------------------------------------------------------------------------------


def test_an_admin_invites_and_the_mail_says_who_where_and_as_what(organization: Organization) -> None:
    admin, email = person(organization, Role.ADMIN), address()
    answer = logged_in(admin).post(of("invite", organization), {"email": email.upper(), "role": "billing"})
    assert answer["Location"] == of("members", organization)
    (mail,) = mails(email)
    assert mail.subject == f"{admin.email} invites you to {organization.name} on Easel"
    assert "as billing" in mail.body
    assert email in said(browser(admin).get(of("members", organization)))


def test_the_token_is_in_the_mail_only(organization: Organization) -> None:
    token = invite(organization, address()).split("/")[2]
    row = only(organization)
    assert len(token) == 32
    assert token not in json.dumps([str(value) for value in vars(row).values()])
    assert len(bytes(row.digest)) == 32


@pytest.mark.parametrize("role, may", [("owner", False), ("admin", True), ("viewer", True), ("king", False)])
def test_an_admin_invites_nobody_above_himself(organization: Organization, role: str, may: bool) -> None:
    admin, email = person(organization, Role.ADMIN), address()
    logged_in(admin).post(of("invite", organization), {"email": email, "role": role})
    assert bool(mails(email)) is may


def test_a_member_is_not_invited_and_nobody_is_invited_twice(organization: Organization, cast: Any) -> None:
    with pytest.raises(Conflict, match="a member already"):
        invite(organization, cast.viewer.email)
    email = address()
    invite(organization, email)
    page = said(browser(cast.owner).post(of("invite", organization), {"email": email, "role": "viewer"}))
    assert "is invited already" in page
    assert f'value="{email}"' in page


@pytest.mark.parametrize(
    "email", ["", "nobody", "a@b", "a b@example.test", "a@example.test\nBcc: c@example.test"]
)
def test_what_is_no_address_is_refused(organization: Organization, cast: Any, email: str) -> None:
    answer = browser(cast.owner).post(of("invite", organization), {"email": email, "role": "viewer"})
    assert answer.status_code == 200
    with pytest.raises(InvalidValue):
        invitations.create(organization=organization, email=email, role="viewer", by=BY)


def test_a_resent_invitation_is_good_for_a_week_again_and_the_old_link_is_over(
    organization: Organization, cast: Any
) -> None:
    email = address()
    old = invite(organization, email)
    age(organization, 1)
    client = browser(cast.owner)
    assert "Expired" in said(client.get(of("invitations", organization), {"state": "expired"}))
    client.post(of("resend_invitation", organization, invitation=only(organization).pk))
    new = link(email, "invitations/")
    assert new != old
    assert browser().get(old).status_code == 404
    assert browser().get(new).status_code == 200
    left = only(organization).expires_at - timezone.now()
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)


def test_a_revoked_invitation_opens_nothing(organization: Organization, cast: Any) -> None:
    user = person()
    path = invite(organization, user.email)
    browser(cast.owner).post(of("revoke_invitation", organization, invitation=only(organization).pk))
    client = logged_in(user)
    assert client.get(path).status_code == 410
    assert "was revoked" in said(client.post(path))
    assert roles_of(user.email, organization) == []


@pytest.mark.parametrize("name", ["resend_invitation", "revoke_invitation"])
def test_an_invitation_of_another_team_is_not_found(organization: Organization, cast: Any, name: str) -> None:
    invite(organization, address())
    foreign = of(name, cast.strangers, invitation=only(organization).pk)
    assert browser(cast.stranger).post(foreign).status_code == 404


# ---- accepting -----------------------------------------------------------------------------------


def test_whoever_has_an_account_joins_with_two_clicks(organization: Organization) -> None:
    user = person()
    path = invite(organization, user.email, Role.BILLING)
    client = logged_in(user)
    assert f"Join {organization.name}" in said(client.get(path))
    assert roles_of(user.email, organization) == []
    answer = client.post(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/o/{organization.slug}/")
    assert roles_of(user.email, organization) == ["billing"]


def test_whoever_has_none_signs_up_on_the_way_and_gets_no_team_of_his_own(organization: Organization) -> None:
    email, client = address(), browser()
    path = invite(organization, email)
    assert f"Sign up as {email}" in said(client.get(path))
    page = said(client.get(f"/signup/?next={path}"))
    assert f'value="{email}"' in page
    assert 'name="team"' not in page
    answer = client.post(f"/signup/?next={path}", {"email": email, "password1": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, path)  # no second mail: this one was read
    client.post(path)
    assert roles_of(email, organization) == ["developer"]
    assert len(directory.memberships_of(User.objects.get(email=email))) == 1


def test_where_only_the_invited_sign_up_it_is_with_that_address(
    organization: Organization, settings: Any
) -> None:
    settings.EASEL = replace(settings.EASEL, signup="invited")
    email, other, client = address(), address(), browser()
    client.get(invite(organization, email))
    refused = said(client.post("/signup/", {"email": other, "password1": PASSWORD}))
    assert f"Your invitation is for {email}" in refused
    assert not User.objects.filter(email=other).exists()
    assert client.post("/signup/", {"email": email, "password1": PASSWORD}).status_code == 302
    assert User.objects.filter(email=email).exists()


def test_signing_up_with_another_address_does_not_take_the_invitation(organization: Organization) -> None:
    email, other, client = address(), address(), browser()
    path = invite(organization, email)
    client.get(path)
    client.post("/signup/", {"email": other, "password1": PASSWORD})
    client.post(link(other, "confirm-email/"))
    answer = client.post(path)
    assert answer.status_code == 403
    assert roles_of(other, organization) == []


def test_an_invitation_for_somebody_else_is_refused(organization: Organization) -> None:
    email, thief = address(), person()
    path = invite(organization, email, Role.ADMIN)
    client = logged_in(thief)
    assert f"Only {email} can accept" in said(client.get(path))
    answer = client.post(path)
    assert answer.status_code == 403
    assert roles_of(thief.email, organization) == []
    assert only(organization).accepted_at is None


def test_it_works_once(organization: Organization) -> None:
    user = person()
    path = invite(organization, user.email)
    client = logged_in(user)
    client.post(path)
    members.remove(organization=organization, user=user, by=BY)
    client = logged_in(user)
    assert client.get(path).status_code == 410
    assert client.post(path).status_code == 409
    assert roles_of(user.email, organization) == []


def test_after_a_week_it_is_over(organization: Organization) -> None:
    user = person()
    path = invite(organization, user.email)
    age(organization, 0)
    client = logged_in(user)
    assert client.get(path).status_code == 410
    assert "has expired" in said(client.post(path))
    assert roles_of(user.email, organization) == []


def test_without_a_log_in_nobody_accepts(organization: Organization) -> None:
    path = invite(organization, address())
    assert browser().post(path).status_code == 200
    assert only(organization).accepted_at is None


@pytest.mark.parametrize("token", ["x" * 32, "x", "../members", "0"])
def test_a_token_that_was_never_sent_is_not_found(token: str) -> None:
    assert browser().get(f"/invitations/{token}/").status_code == 404


# ---- tricks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["removed", "demoted"])
def test_whoever_loses_his_place_loses_the_invitations_he_made(organization: Organization, how: str) -> None:
    """An admin who is on his way out leaves no door ajar."""
    admin, friend = person(organization, Role.ADMIN), person()
    logged_in(admin).post(of("invite", organization), {"email": friend.email, "role": "admin"})
    path = link(friend.email, "invitations/")
    if how == "removed":
        members.remove(organization=organization, user=admin, by=BY)
    else:
        members.change_role(organization=organization, user=admin, role=Role.VIEWER, by=BY)
    assert logged_in(friend).post(path).status_code == 409
    assert roles_of(friend.email, organization) == []


def test_developers_invite_nobody(organization: Organization, cast: Any) -> None:
    email = address()
    assert (
        browser(cast.developer)
        .post(of("invite", organization), {"email": email, "role": "viewer"})
        .status_code
        == 403
    )
    by = replace(BY, type="member", id=str(cast.developer.pk))
    with pytest.raises(NotAllowed):
        invitations.create(organization=organization, email=email, role="viewer", by=by)


def test_one_team_cannot_be_made_to_send_mail_without_end(
    organization: Organization, monkeypatch: Any
) -> None:
    monkeypatch.setattr(invitations, "MOST_OPEN", 2)
    for _ in range(2):
        invite(organization, address())
    with pytest.raises(Conflict, match="unanswered"):
        invite(organization, address())
