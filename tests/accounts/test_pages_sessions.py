"""Sessions (A16): a new id at log-in, dead at once when they should be, never older than they may."""

from __future__ import annotations

import time
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client

from accounts import sessions
from accounts.actions import members
from accounts.models import Organization, Role, User
from tests.accounts.people import (
    BY,
    PASSWORD,
    browser,
    log_in,
    logged_in,
    of,
    person,
    said,
    sees,
    with_app,
)

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


def cookie(client: Client) -> str:
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def holding(value: str) -> Client:
    """A browser into which somebody put this session id."""
    client = browser()
    client.cookies[settings.SESSION_COOKIE_NAME] = value
    return client


def aged(client: Client, *, idle: float = 0, age: float = 0) -> Client:
    """The same browser after so many seconds without a request, in a session so many seconds old."""
    session = client.session
    session[sessions.SEEN], session[sessions.BEGAN] = time.time() - idle, time.time() - max(age, idle)
    session.save()
    return client


# ---- beginning and end ---------------------------------------------------------------------------


def test_logging_in_changes_the_session_id() -> None:
    victim, user = browser(), person()
    victim.get("/2fa/webauthn/login/", HTTP_ACCEPT="application/json")  # begins a session without a login
    planted = cookie(victim)
    assert log_in(victim, user.email).status_code == 302
    assert cookie(victim) != planted
    assert not sees(holding(planted))


def test_after_logging_out_the_old_id_opens_nothing() -> None:
    client = logged_in(person())
    old = cookie(client)
    client.post("/logout/")
    assert not sees(holding(old))


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one() -> None:
    user = person()
    here, there = logged_in(user), logged_in(user)
    new = "quite another long password"
    answer = here.post(
        "/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new}, follow=True
    )
    assert "Your other sessions have ended" in said(answer)
    assert (sees(here), sees(there)) == (True, False)


def test_a_new_factor_and_its_end_end_the_other_sessions() -> None:
    user = person()
    here = logged_in(user)
    there = browser(user)
    with_app(here)
    assert (sees(here), sees(there)) == (True, False)
    there = browser(User.objects.get(pk=user.pk))
    assert sees(there)
    here.post("/2fa/totp/deactivate/")
    assert (sees(here), sees(there)) == (True, False)


def test_another_role_ends_the_sessions_it_was_not_given_to(organization: Organization) -> None:
    user = person(organization)
    client = logged_in(user)
    assert client.get(of("members", organization)).status_code == 200
    members.change_role(organization=organization, user=user, role=Role.VIEWER, by=BY)
    assert client.get(of("members", organization))["Location"].startswith("/login/")


def test_who_is_removed_sees_nothing_from_the_next_request_on(organization: Organization) -> None:
    user = person(organization)
    client = logged_in(user)
    members.remove(organization=organization, user=user, by=BY)
    assert client.get(of("members", organization))["Location"].startswith("/login/")
    assert logged_in(user).get(of("members", organization)).status_code == 404


def test_who_is_deactivated_is_out_at_once() -> None:
    user = person()
    client = logged_in(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert not sees(client)


# ---- age -----------------------------------------------------------------------------------------

HOUR, DAY = 3600, 24 * 3600


@pytest.mark.parametrize(
    "staff, idle, age, lives",
    [
        (False, 12 * HOUR - 60, 2 * DAY, True),
        (False, 12 * HOUR + 60, 0, False),
        (False, 60, 7 * DAY - 60, True),
        (False, 60, 7 * DAY + 60, False),
        (True, 29 * 60, 2 * HOUR, True),
        (True, 31 * 60, 0, False),
        (True, 60, 8 * HOUR - 60, True),
        (True, 60, 8 * HOUR + 60, False),
    ],
)
def test_a_session_ends_when_it_was_idle_too_long_or_is_too_old(
    staff: bool, idle: float, age: float, lives: bool
) -> None:
    client = aged(logged_in(person(is_staff=staff)), idle=idle, age=age)
    assert sees(client) is lives
    if not lives:
        assert "your session had grown old" in said(client.get("/login/"))


def test_a_request_now_and_then_keeps_it_alive() -> None:
    client = logged_in(person())
    for _ in range(3):
        assert sees(aged(client, idle=11 * HOUR))
        assert time.time() - client.session[sessions.SEEN] < 60


def test_its_age_is_not_reset_by_use() -> None:
    client = aged(logged_in(person()), idle=60, age=6 * DAY)
    sees(client)
    assert time.time() - client.session[sessions.BEGAN] > 6 * DAY - 60


# ---- the list ------------------------------------------------------------------------------------


def test_the_list_shows_each_browser_and_ends_the_one_that_was_chosen() -> None:
    user = person()
    here, there = logged_in(user), logged_in(user, REMOTE_ADDR="203.0.113.77")
    page = said(here.get("/sessions/"))
    assert page.count("Firefox on Linux</th>") == 2
    assert "203.0.113.77" in page
    session = UserSession.objects.get(user=user, ip="203.0.113.77")
    assert here.post(f"/sessions/{session.pk}/end/")["Location"] == "/sessions/"
    assert (sees(here), sees(there)) == (True, False)
    assert not Session.objects.filter(pk=session.session_key).exists()


def test_everywhere_else_is_one_press() -> None:
    user = person()
    here, others = logged_in(user), [logged_in(user) for _ in range(3)]
    here.post("/sessions/")
    assert sees(here)
    assert [sees(client) for client in others] == [False] * 3


def test_a_session_of_somebody_else_is_not_found() -> None:
    victim = person()
    client = logged_in(victim)
    session = UserSession.objects.get(user=victim)
    intruder = logged_in(person())
    assert intruder.post(f"/sessions/{session.pk}/end/").status_code == 404
    assert sees(client)
    assert session.ip not in re_said(intruder) or session.session_key not in re_said(intruder)


def re_said(client: Any) -> str:
    return said(client.get("/sessions/"))


# ---- changing the address ------------------------------------------------------------------------


def test_a_new_address_counts_from_when_its_mail_was_answered() -> None:
    from tests.accounts.people import address, link

    user, new = person(), address()
    client = logged_in(user)
    client.post("/email/", {"email": new, "action_add": "1"})
    user.refresh_from_db()
    assert user.email != new
    old = user.email
    client.post(link(new, "confirm-email/"))
    user.refresh_from_db()
    assert user.email == new
    assert log_in(browser(), old).status_code == 200
    assert log_in(browser(), new).status_code == 302
