"""Who may open which page of a team: page x role -> yes or no, every page of the URL table, and what a
stranger and nobody in particular get. And no unsafe request without its token, wherever it goes (A17)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from accounts.shell import RAIL
from tests.accounts.people import browser, logged_in, person
from tests.law.addresses import Address, addresses

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]
ROLES = (Role.OWNER, Role.ADMIN, Role.DEVELOPER, Role.BILLING, Role.VIEWER)

TABLE = """
                         own adm dev bil vie
    overview              y   y   y   y   y
    first_steps           y   y   y   y   y
    playground            y   y   y   n   n
    playground_price      y   y   y   n   n
    playground_settings   y   y   y   n   n
    playground_references y   y   y   n   n
    playground_run        y   y   y   n   n
    playground_stage      y   y   y   n   n
    playground_events     y   y   y   n   n
    images                y   y   y   n   y
    zip_images            y   y   y   n   y
    delete_images         y   y   y   n   n
    tasks                 y   y   y   n   y
    task                  y   y   y   n   y
    cancel_task           y   y   y   n   n
    pin_task              y   y   y   n   n
    renew_links           y   y   y   n   n
    contest_task          y   y   y   n   n
    reference             y   y   y   n   y
    requests              y   y   y   n   y
    request               y   y   y   n   y

    keys                  y   y   y   n   n
    create_key            y   y   y   n   n
    find_key              y   y   y   n   n
    key                   y   y   y   n   n
    first_call            y   y   y   n   n
    edit_key              y   y   y   n   n
    rotate_key            y   y   y   n   n
    revoke_key            y   y   y   n   n
    thaw_key              y   y   y   n   n
    end_grace             y   y   y   n   n
    set_key_budget        y   y   n   n   n
    delete_key_budget     y   y   n   n   n

    webhooks              y   y   y   n   n
    create_webhook        y   y   y   n   n
    test_signature        y   y   y   n   n
    callbacks             y   y   y   n   n
    callback_secret       y   y   y   n   n
    remove_callback_secret  y y   y   n   n
    redeliver_callbacks   y   y   y   n   n
    delivery              y   y   y   n   n
    redeliver             y   y   y   n   n
    webhook               y   y   y   n   n
    edit_webhook          y   y   y   n   n
    rotate_webhook        y   y   y   n   n
    enable_webhook        y   y   y   n   n
    disable_webhook       y   y   y   n   n
    ping_webhook          y   y   y   n   n
    remove_webhook        y   y   y   n   n
    redeliver_range       y   y   y   n   n

    usage                 y   y   y   y   y
    export_usage          y   y   n   y   n
    billing               y   y   y   y   y
    prices                y   y   y   y   y
    entries               y   y   n   y   n
    export_entries        y   y   n   y   n
    statements            y   y   n   y   n
    statement             y   y   n   y   n
    export_statement      y   y   n   y   n
    verify                y   y   n   y   n
    budgets               y   y   y   y   y
    set_budget            y   y   n   n   n
    delete_budget         y   y   n   n   n
    balance_alert         y   n   n   y   n
    delete_balance_alert  y   n   n   y   n
    request_credit        y   n   n   y   n
    withdraw_request      y   n   n   y   n

    members               y   y   y   y   y
    member                y   y   n   n   n
    remove_member         y   y   n   n   n
    invitations           y   y   n   n   n
    invite                y   y   n   n   n
    resend_invitation     y   y   n   n   n
    revoke_invitation     y   y   n   n   n
    audit                 y   y   n   n   n
    audit_csv             y   y   n   n   n
    settings              y   y   y   y   y
    set_retention         y   y   n   n   n
    require_two_factors   y   y   n   n   n
    leave_team            y   y   y   y   y
    transfer_team         y   n   n   n   n
"""
ROWS = {
    name: dict(zip(ROLES, cells, strict=True))
    for name, *cells in (line.split() for line in TABLE.splitlines()[2:] if line.strip())
}
TEAM = [address for address in addresses() if address.of_team]
REACHED = (200, 302, 404, 405)
"""By whoever may: the page, the question for the password, no such thing, or a page that takes posts only."""


@pytest.fixture(scope="module")
def team(database: str) -> Any:
    """A cast with a browser for each role, and for a stranger."""
    from tests.cast import make_cast

    cast = make_cast()
    browsers = {role: browser(person(cast.organization, role)) for role in ROLES}
    return cast.organization.slug, browsers, browser(cast.stranger)


def test_every_page_of_a_team_has_its_row() -> None:
    assert sorted(address.name for address in TEAM) == sorted(ROWS)


def test_every_line_of_the_rail_leads_to_a_page_with_a_row() -> None:
    assert {link.opens for _, links in RAIL for link in links} <= set(ROWS)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("address", TEAM, ids=lambda address: address.name)
def test_a_role_opens_the_pages_of_its_column(team: Any, address: Address, role: str) -> None:
    slug, browsers, _ = team
    status = browsers[role].get(address.path(team=slug)).status_code
    may = ROWS[address.name][role] == "y"
    assert (status in REACHED) if may else (status == 403)


@pytest.mark.parametrize("address", TEAM, ids=lambda address: address.name)
def test_a_stranger_finds_none_of_them_and_nobody_in_particular_logs_in_first(
    team: Any, address: Address
) -> None:
    slug, _, stranger = team
    for method in ("get", "post"):
        assert getattr(stranger, method)(address.path(team=slug)).status_code == 404
        nobody = getattr(browser(), method)(address.path(team=slug))
        assert nobody["Location"].startswith("/login/?next=")


@pytest.mark.parametrize("address", TEAM, ids=lambda address: address.name)
def test_what_belongs_to_no_team_of_his_looks_like_what_does_not_exist(team: Any, address: Address) -> None:
    slug, _, stranger = team
    answers = [stranger.get(address.path(team=each)) for each in (slug, "no-such-team")]
    assert answers[0].status_code == answers[1].status_code == 404
    bodies = [re.sub(rb'name="csrfmiddlewaretoken" value="[^"]+"', b"", each.content) for each in answers]
    assert bodies[0] == bodies[1]


# ---- tokens --------------------------------------------------------------------------------------

WITHOUT = {
    "inbox/<str:token>": "takes what programs send, and shows it to its owner only",
}
"""Addresses that take unsafe requests without a token, each with its reason. The API's are below."""
UNSAFE = ("post", "put", "patch", "delete")
GUARDED = [address for address in addresses() if not address.pattern.startswith("api/v1/")]


@pytest.fixture(scope="module")
def owner(team: Any) -> Client:
    """Somebody who may everything, in a browser that is as strict as a real one."""
    from accounts.directory import organization_by_slug

    slug, _, _ = team
    user = person(organization_by_slug(slug), Role.OWNER, is_staff=True, is_superuser=True)
    client = logged_in(user)
    client.handler.enforce_csrf_checks = True
    return client


@pytest.mark.parametrize("address", GUARDED, ids=lambda address: address.pattern or "home")
def test_an_unsafe_request_without_its_token_is_refused(team: Any, owner: Client, address: Address) -> None:
    path = address.path(team=team[0])
    for method in UNSAFE:
        answer = getattr(owner, method)(path, b'{"a": 1}', content_type="text/plain")
        refused = answer.status_code == 403 and b"no longer valid" in answer.content
        assert refused or address.pattern in WITHOUT, (method, answer.status_code)


def test_logging_in_takes_a_token_too() -> None:
    """Else a foreign page could log its visitor in to an account of its own."""
    user = person()
    strict = Client(enforce_csrf_checks=True, SERVER_NAME="localhost")
    answer = strict.post("/login/", {"username": user.email, "password": "a long and quiet password"})
    assert answer.status_code == 403
    assert "_auth_user_id" not in strict.session


def test_the_api_takes_a_session_only_with_a_token(team: Any, owner: Client) -> None:
    answer = owner.patch(
        "/api/v1/organization",
        b'{"name": "x"}',
        content_type="application/json",
        HTTP_X_EASEL_ORGANIZATION=team[0],
    )
    assert answer.status_code == 403
    assert "CSRF" in answer.json()["detail"]
