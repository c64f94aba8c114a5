"""Coming in: signing up, confirming an address, a forgotten password (A29, and equal answers of A15)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import mail

from accounts import directory
from accounts.models import Role, User
from billing import ledger
from runtime.tenancy import tenant
from tests.accounts.people import (
    PASSWORD,
    address,
    browser,
    link,
    log_in,
    mails,
    person,
    said,
    sees,
)

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


@pytest.fixture
def by_invitation(settings: Any) -> None:
    settings.EASEL = replace(settings.EASEL, signup="invited")


def sign_up(client: Any, email: str, **more: str) -> Any:
    return client.post("/signup/", {"email": email, "password1": PASSWORD, **more})


def without_token(page: str) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", page)


def test_who_signs_up_confirms_the_address_and_lands_in_a_team_of_his_own() -> None:
    client, email = browser(), address()
    answer = sign_up(client, email.upper(), team="Ana's Studio")
    assert (answer.status_code, answer["Location"]) == (302, "/confirm-email/")
    assert not sees(client)
    page = link(email, "confirm-email/")
    assert "Is <strong>" in said(client.get(page))
    answer = client.post(page)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert sees(client)
    (membership,) = directory.memberships_of(User.objects.get(email=email))
    assert (membership.organization.name, membership.role) == ("Ana's Studio", Role.OWNER)
    assert membership.organization.slug.startswith("anas-studio")


def test_without_a_name_the_team_is_called_after_its_founder_and_has_no_live_credit() -> None:
    """Its test wallet is filled by its first order."""
    client, email = browser(), address()
    sign_up(client, email)
    (membership,) = directory.memberships_of(User.objects.get(email=email))
    assert membership.organization.name == f"{email.partition('@')[0]}'s team"
    with tenant(membership.organization):
        assert ledger.balance(membership.organization_id, "live").available == 0


def test_nobody_gets_in_before_the_address_is_confirmed() -> None:
    client, email = browser(), address()
    sign_up(client, email)
    answer = log_in(browser(), email)
    assert (answer.status_code, answer["Location"]) == (302, "/confirm-email/")
    assert not EmailAddress.objects.get(email=email).verified


def test_a_link_followed_elsewhere_confirms_but_does_not_log_in() -> None:
    email = address()
    sign_up(browser(), email)
    elsewhere = browser()
    answer = elsewhere.post(link(email, "confirm-email/"))
    assert (answer.status_code, answer["Location"]) == (302, "/login/")
    assert not sees(elsewhere)
    assert log_in(elsewhere, email)["Location"] == "/"


def test_a_link_that_is_over_says_so() -> None:
    assert "This link is over" in said(browser().get("/confirm-email/no:such:key/"))


def test_signing_up_with_a_known_address_looks_the_same_and_tells_its_owner() -> None:
    known, unknown = person().email, address()
    answers = [sign_up(browser(), email) for email in (known, unknown)]
    assert [(answer.status_code, answer["Location"]) for answer in answers] == [(302, "/confirm-email/")] * 2
    assert mails(known)[-1].subject == "You have an account already"
    assert User.objects.filter(email=known).count() == 1
    assert log_in(browser(), known)["Location"] == "/"


@pytest.mark.parametrize(
    "wrong, says",
    [
        ({"email": "nobody"}, "Enter a valid email address."),
        ({"password1": "short"}, "at least 12 characters"),
        ({"password1": "x" * 129}, "at most 128 characters"),
        ({"password1": "q1w2e3r4t5y6"}, "too common"),
        ({"team": "x" * 121}, "at most 120 characters"),
    ],
)
def test_what_is_wrong_with_a_sign_up_stands_beside_its_field(wrong: dict[str, str], says: str) -> None:
    email = address()
    answer = browser().post("/signup/", {"email": email, "password1": PASSWORD, "team": "Studio", **wrong})
    page = said(answer)
    assert answer.status_code == 200
    assert says in page
    assert f'value="{wrong.get("email", email)}"' in page
    assert not User.objects.filter(email=email).exists()


@pytest.mark.usefixtures("by_invitation")
def test_where_only_the_invited_sign_up_nobody_else_does() -> None:
    client, email = browser(), address()
    assert "By invitation" in said(client.get("/signup/"))
    assert "By invitation" in said(sign_up(client, email))
    assert not User.objects.filter(email=email).exists()


# ---- a forgotten password ------------------------------------------------------------------------


def test_a_new_password_by_mail_opens_the_account_and_ends_its_sessions() -> None:
    user = person()
    there, here = browser(user), browser()
    answer = here.post("/password/reset/", {"email": user.email})
    assert answer["Location"] == "/password/reset/done/"
    page = here.get(link(user.email, "password/reset/key/"))["Location"]
    new = "quite another long password"
    assert here.post(page, {"password1": new, "password2": new})["Location"] == "/password/reset/key/done/"
    assert not sees(there)
    assert not sees(here)
    assert log_in(browser(), user.email).status_code == 200
    assert log_in(browser(), user.email, new)["Location"] == "/"
    assert mails(user.email)[-1].subject == "Your password was changed"


def test_the_link_for_a_new_password_works_once() -> None:
    user, client = person(), browser()
    client.post("/password/reset/", {"email": user.email})
    key = link(user.email, "password/reset/key/")
    new = "quite another long password"
    client.post(client.get(key)["Location"], {"password1": new, "password2": new})
    assert "This link is over" in said(browser().get(key))


def test_asking_for_a_new_password_never_tells_whether_the_address_is_known() -> None:
    known, unknown = person().email, address()
    pages = []
    for email in (known, unknown):
        client = browser()
        answer = client.post("/password/reset/", {"email": email}, follow=True)
        pages.append(without_token(said(answer)))
        assert len(mails(email)) == 1
    assert pages[0] == pages[1]


def test_links_in_mail_lead_to_our_own_address_whatever_the_request_said() -> None:
    user = person()
    browser().post("/password/reset/", {"email": user.email}, HTTP_HOST="127.0.0.1:9")
    assert settings.EASEL.url in mails(user.email)[-1].body
    assert "127.0.0.1:9" not in mails(user.email)[-1].body


# ---- where it goes on (A29) ----------------------------------------------------------------------

ELSEWHERE = [
    "https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:alert(1)", "http:evil.ex",
    "http://localhost.evil.example/", "http://other.localhost/", "\thttps://evil.example", "evil",
]  # fmt: skip


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_no_way_in_leads_to_another_host(elsewhere: str) -> None:
    user = person()
    assert (
        browser().post("/login/", {"username": user.email, "password": PASSWORD, "next": elsewhere})[
            "Location"
        ]
        == "/"
    )
    assert browser(user).get("/login/", {"next": elsewhere})["Location"] == "/"
    out = browser(user).post("/logout/", {"next": elsewhere})
    assert out["Location"] == "/login/"
    email = address()
    client = browser()
    client.post("/signup/?next=" + elsewhere, {"email": email, "password1": PASSWORD})
    assert client.post(link(email, "confirm-email/"))["Location"] in ("/", "/login/")


@pytest.mark.parametrize("path", ["/somewhere/?page=2", "/profile/"])
def test_a_path_of_ours_is_gone_on_to(path: str) -> None:
    user = person()
    assert (
        browser().post("/login/", {"username": user.email, "password": PASSWORD, "next": path})["Location"]
        == path
    )


def test_mail_that_cannot_leave_is_said_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(mail.EmailMessage, "send", fail)
    client, email = browser(), address()
    answer = client.post("/signup/", {"email": email, "password1": PASSWORD}, follow=True)
    assert answer.status_code == 200
    assert "could not be sent" in said(answer)
