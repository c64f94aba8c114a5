"""What a team says about itself: its name, and how long things are kept."""

from __future__ import annotations

from typing import Any

import pytest

from accounts import directory
from accounts.actions import organizations
from accounts.errors import InvalidValue
from accounts.models import Organization, Role
from tests.accounts.people import BY, browser, of, person, said

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


def now(organization: Organization) -> Organization:
    return directory.organization_of(organization.pk)


def test_an_admin_renames_the_team_and_the_short_name_stays(organization: Organization) -> None:
    client = browser(person(organization, Role.ADMIN))
    answer = client.post(of("settings", organization), {"name": "  North Studio "}, follow=True)
    assert "North Studio" in said(answer)
    assert organization.slug in said(answer)
    assert (now(organization).name, now(organization).slug) == ("North Studio", organization.slug)


@pytest.mark.parametrize("name", ["", "  ", "x" * 121])
def test_a_bad_name_stays_in_its_field(organization: Organization, cast: Any, name: str) -> None:
    answer = browser(cast.owner).post(of("settings", organization), {"name": name})
    assert answer.status_code == 200
    assert 'class="field-error"' in said(answer)
    assert now(organization).name == organization.name


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.BILLING, Role.VIEWER])
def test_the_others_read_and_change_nothing(organization: Organization, role: str) -> None:
    client = browser(person(organization, role))
    page = said(client.get(of("settings", organization)))
    assert "Save name" not in page
    assert "Owners and admins change them" in page
    assert client.post(of("settings", organization), {"name": "Mine"}).status_code == 403
    assert client.post(of("set_retention", organization), {"images": "1", "bodies": "0"}).status_code == 403
    assert now(organization).name == organization.name


@pytest.mark.parametrize(
    "images, bodies, kept",
    [
        ("1", "0", (1, 0)),
        ("720", "168", (720, 168)),
        (str(organizations.FOREVER_HOURS), "platform", (organizations.FOREVER_HOURS, None)),
        ("platform", "platform", (None, None)),
    ],
)
def test_how_long_things_are_kept_is_chosen(
    organization: Organization, cast: Any, images: str, bodies: str, kept: tuple[int | None, int | None]
) -> None:
    client = browser(cast.owner)
    assert (
        client.post(of("set_retention", organization), {"images": images, "bodies": bodies}).status_code
        == 302
    )
    found = now(organization)
    assert (found.image_retention_hours, found.body_retention_hours) == kept
    page = said(client.get(of("settings", organization)))
    assert page.count("selected") == 2
    assert f'<option value="{images}" selected>' in page


@pytest.mark.parametrize(
    "values", [{"images": "0", "bodies": "0"}, {"images": "5", "bodies": "0"}, {"images": "1"}, {}]
)
def test_nothing_else_is_taken(organization: Organization, cast: Any, values: dict[str, str]) -> None:
    answer = browser(cast.owner).post(of("set_retention", organization), values)
    assert answer.status_code == 200
    assert 'class="field-error"' in said(answer)
    assert now(organization).image_retention_hours is None


@pytest.mark.parametrize("hours", [0, -1, organizations.FOREVER_HOURS + 1])
def test_the_verb_refuses_what_makes_no_sense(organization: Organization, hours: int) -> None:
    with pytest.raises(InvalidValue):
        organizations.set_retention(organization=organization, image_hours=hours, body_hours=None, by=BY)


def test_what_an_operator_set_otherwise_can_be_seen_and_kept(organization: Organization, cast: Any) -> None:
    organizations.set_retention(organization=organization, image_hours=36, body_hours=None, by=BY)
    page = said(browser(cast.owner).get(of("settings", organization)))
    assert '<option value="36" selected>36 hours</option>' in page


def test_the_profile_shows_what_one_is_and_keeps_the_name(cast: Any) -> None:
    client = browser(cast.viewer)
    page = said(client.post("/profile/", {"name": " Vera "}, follow=True))
    assert 'value="Vera"' in page
    assert cast.organization.name in page
    assert cast.strangers.name not in page
    assert client.post("/profile/", {"name": "x" * 121}).status_code == 200
