"""The people of a team (T1, T2, K14, A30): roles, removing, leaving, handing over."""

from __future__ import annotations

import re
from typing import Any

import pytest

from accounts import directory
from accounts.actions import keys
from accounts.models import ApiKey, Organization, Role, User
from runtime.tenancy import tenant
from tests.accounts.people import (
    BY,
    PASSWORD,
    browser,
    code,
    log_in,
    logged_in,
    mails,
    of,
    person,
    said,
    with_app,
)

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


def role_of(organization: Organization, user: User) -> str:
    return directory.membership_of(organization, user.pk).role


def belongs(organization: Organization, user: User) -> bool:
    return organization.pk in {each.organization_id for each in directory.memberships_of(user)}


def personal_key(organization: Organization, user: User) -> ApiKey:
    made, _ = keys.create(organization=organization, mode="live", name="Laptop", member=user, by=BY)
    return made


# ---- the list ------------------------------------------------------------------------------------


def test_everybody_sees_everybody_and_only_heads_see_how_safe_their_log_ins_are(cast: Any) -> None:
    for user, heads in ((cast.owner, True), (cast.viewer, False)):
        page = said(browser(user).get(of("members", cast.organization)))
        assert all(each.email in page for each in (cast.owner, cast.developer, cast.viewer))
        assert ("Second factor</th>" in page) is heads
        assert (">Invite" in page) is heads


def test_the_list_is_searched_and_filtered_by_role(cast: Any) -> None:
    client, members = browser(cast.owner), of("members", cast.organization)
    page = said(client.get(members, {"search": cast.viewer.email[:12].upper()}))
    assert cast.viewer.email in page
    assert cast.developer.email not in page
    page = said(client.get(members, {"role": "developer"}))
    assert cast.developer.email in page
    assert cast.viewer.email not in page
    assert client.get(members, {"role": "king"}).status_code == 404
    assert "Nobody here has that" in said(client.get(members, {"search": "\x00no such person%_"}))


def test_a_long_list_goes_on_and_back(organization: Organization, cast: Any) -> None:
    joined = [person(organization, Role.VIEWER).email for _ in range(27)]
    client, address = browser(cast.owner), of("members", organization)
    first = said(client.get(address))
    assert joined[-1] in first
    assert joined[0] not in first
    older = re.search(r'href="(\?[^"]*before=[^"]+)"', first)
    assert older
    second = said(client.get(address + older[1].replace("&amp;", "&")))
    assert joined[0] in second
    newer = re.search(r'href="(\?[^"]*after=[^"]+)"', second)
    assert newer
    assert joined[-1] in said(client.get(address + newer[1].replace("&amp;", "&")))


# ---- roles ---------------------------------------------------------------------------------------

REACH = [
    # who, whose role, becomes, may he?
    (Role.OWNER, Role.DEVELOPER, Role.OWNER, True),
    (Role.OWNER, Role.OWNER, Role.VIEWER, True),
    (Role.ADMIN, Role.DEVELOPER, Role.ADMIN, True),
    (Role.ADMIN, Role.ADMIN, Role.VIEWER, True),
    (Role.ADMIN, Role.DEVELOPER, Role.OWNER, False),
    (Role.ADMIN, Role.OWNER, Role.VIEWER, False),
    (Role.DEVELOPER, Role.VIEWER, Role.DEVELOPER, False),
    (Role.BILLING, Role.VIEWER, Role.BILLING, False),
    (Role.VIEWER, Role.VIEWER, Role.DEVELOPER, False),
]


@pytest.mark.parametrize("who, whose, becomes, may", REACH)
def test_nobody_gives_takes_or_changes_a_role_above_his_own(
    organization: Organization, who: str, whose: str, becomes: str, may: bool
) -> None:
    actor, member = person(organization, who), person(organization, whose)
    answer = logged_in(actor).post(of("member", organization, user=member.pk), {"role": becomes})
    assert answer.status_code in ((302,) if may else (200, 302, 403))
    assert role_of(organization, member) == (becomes if may else whose)


def test_nobody_promotes_himself(organization: Organization) -> None:
    admin = person(organization, Role.ADMIN)
    answer = logged_in(admin).post(of("member", organization, user=admin.pk), {"role": Role.OWNER})
    assert answer.status_code == 403
    assert role_of(organization, admin) == Role.ADMIN


def test_a_member_of_another_team_is_not_found(organization: Organization, cast: Any) -> None:
    for name in ("member", "remove_member"):
        page = of(name, organization, user=cast.stranger.pk)
        assert browser(cast.owner).get(page).status_code == 404
        assert browser(cast.owner).post(page, {"role": "viewer"}).status_code == 404


def test_roles_are_changed_only_by_who_has_just_shown_who_he_is(organization: Organization) -> None:
    admin, member = person(organization, Role.ADMIN), person(organization)
    client = browser(admin)
    page = of("member", organization, user=member.pk)
    asked = client.post(page, {"role": "viewer"})
    assert asked["Location"].startswith("/reauthenticate/?next=")
    assert role_of(organization, member) == Role.DEVELOPER
    client.post(asked["Location"], {"password": PASSWORD})  # and what was asked is done
    assert role_of(organization, member) == Role.VIEWER


# ---- going ---------------------------------------------------------------------------------------


def test_removing_somebody_says_which_keys_end_and_ends_them(organization: Organization, cast: Any) -> None:
    key = personal_key(organization, cast.developer)
    shared, _ = keys.create(organization=organization, mode="live", name="Website", by=BY)
    client, page = browser(cast.owner), of("remove_member", organization, user=cast.developer.pk)
    told = said(client.get(page))
    assert "1 personal key stops working" in told
    assert key.prefix in told
    assert shared.prefix not in told
    assert "is no member any more" in said(client.post(page, follow=True))
    assert not belongs(organization, cast.developer)
    with tenant(organization):
        ended = dict(ApiKey.objects.of(organization).values_list("pk", "revoked_at"))
    assert ended[key.pk] is not None
    assert ended[shared.pk] is None


def test_an_admin_does_not_remove_an_owner(organization: Organization, cast: Any) -> None:
    client = logged_in(person(organization, Role.ADMIN))
    assert client.post(of("remove_member", organization, user=cast.owner.pk)).status_code == 403
    assert belongs(organization, cast.owner)


def test_whoever_leaves_keeps_his_session_and_loses_the_team(organization: Organization) -> None:
    user = person(organization)
    key = personal_key(organization, user)
    client = logged_in(user)
    assert key.prefix in said(client.get(of("leave_team", organization)))
    answer = client.post(of("leave_team", organization))
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.get("/profile/").status_code == 200
    assert client.get(of("members", organization)).status_code == 404


def test_the_last_owner_cannot_leave(organization: Organization, cast: Any) -> None:
    answer = browser(cast.owner).post(of("leave_team", organization), follow=True)
    assert "The last owner stays" in said(answer)
    assert role_of(organization, cast.owner) == Role.OWNER


def test_two_owners_may_go_one_after_the_other_but_not_both(organization: Organization, cast: Any) -> None:
    second = person(organization, Role.OWNER)
    assert browser(second).post(of("leave_team", organization))["Location"] == "/"
    assert "The last owner stays" in said(
        browser(cast.owner).post(of("leave_team", organization), follow=True)
    )


# ---- handing over --------------------------------------------------------------------------------


def hand_over(client: Any, organization: Organization, to: User, name: str = "") -> Any:
    return client.post(
        of("transfer_team", organization), {"to": str(to.pk), "name": name or organization.name}
    )


def test_an_owner_hands_the_team_over_and_stays_as_an_admin(organization: Organization, cast: Any) -> None:
    owner = person(organization, Role.OWNER)
    client = logged_in(owner)
    answer = hand_over(client, organization, cast.developer)
    assert (answer.status_code, answer["Location"]) == (302, of("settings", organization))
    assert "owns" in said(client.get(answer["Location"]))
    assert role_of(organization, cast.developer) == Role.OWNER
    assert role_of(organization, owner) == Role.ADMIN
    assert mails(cast.developer.email)[-1].subject == f"{organization.name} has a new owner"
    assert mails(owner.email)


def test_it_takes_the_name_typed(organization: Organization, cast: Any) -> None:
    answer = hand_over(browser(cast.owner), organization, cast.developer, "something")
    assert "as it stands there" in said(answer)
    assert role_of(organization, cast.developer) == Role.DEVELOPER


@pytest.mark.parametrize("to", ["stranger", "owner"])
def test_it_goes_to_another_member_only(organization: Organization, cast: Any, to: str) -> None:
    answer = hand_over(browser(cast.owner), organization, getattr(cast, to))
    assert "Select a valid choice" in said(answer)
    assert role_of(organization, cast.owner) == Role.OWNER


def test_only_an_owner_hands_it_over(organization: Organization, cast: Any) -> None:
    for role in (Role.ADMIN, Role.DEVELOPER, Role.BILLING, Role.VIEWER):
        client = browser(person(organization, role))
        assert hand_over(client, organization, cast.developer).status_code == 403
    assert role_of(organization, cast.developer) == Role.DEVELOPER


def test_who_has_a_second_factor_shows_it_first(organization: Organization, cast: Any) -> None:
    owner = person(organization, Role.OWNER)
    client = logged_in(owner)
    secret = with_app(client)
    asked = hand_over(client, organization, cast.developer)
    assert asked["Location"].startswith("/2fa/reauthenticate/?next=")
    assert role_of(organization, cast.developer) == Role.DEVELOPER
    client.post(asked["Location"], {"code": code(secret, 1)})
    assert role_of(organization, cast.developer) == Role.OWNER


def test_who_logged_in_with_it_a_moment_ago_is_not_asked_again(organization: Organization, cast: Any) -> None:
    owner = person(organization, Role.OWNER)
    secret = with_app(logged_in(owner))
    client = browser()
    log_in(client, owner.email)
    client.post("/2fa/authenticate/", {"code": code(secret, 1)})
    hand_over(client, organization, cast.developer)
    assert role_of(organization, cast.developer) == Role.OWNER


# ---- new teams -----------------------------------------------------------------------------------


def test_anybody_makes_another_team_and_owns_it(cast: Any) -> None:
    answer = browser(cast.viewer).post("/teams/new/", {"name": "Side project"})
    made = directory.memberships_of(cast.viewer)[-1]
    assert (made.organization.name, made.role) == ("Side project", Role.OWNER)
    assert answer["Location"] == f"/o/{made.organization.slug}/"


def test_teams_of_one_name_have_different_short_names(cast: Any) -> None:
    for name in ("Twins", "Twins", "日本", "--", "api"):
        assert browser(cast.viewer).post("/teams/new/", {"name": name}).status_code == 302
    slugs = [each.organization.slug for each in directory.memberships_of(cast.viewer)][1:]
    assert len(set(slugs)) == 5
    assert "api" not in slugs


@pytest.mark.parametrize("name", ["", "   ", "x" * 121])
def test_a_team_has_a_name(cast: Any, name: str) -> None:
    assert browser(cast.viewer).post("/teams/new/", {"name": name}).status_code == 200
    assert len(directory.memberships_of(cast.viewer)) == 1
