"""Guessing passwords and codes (A15): it gets slow, for whoever guesses, and never shuts the owner out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import guessing
from accounts.models import AuditEvent, Guesses, User
from runtime.tenancy import operator
from tests.accounts.people import (
    PASSWORD,
    address,
    browser,
    code,
    link,
    log_in,
    logged_in,
    person,
    said,
    sees,
    with_app,
    wrong,
)

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]
NO_MATCH, WAIT = "E-mail and password do not match", "Too many tries"


def guess(email: str, times: int = 1, client: Client | None = None, **more: Any) -> str:
    """What the last of so many wrong tries was told."""
    answers = [log_in(client or browser(), email, "a wrong password", **more) for _ in range(times)]
    return said(answers[-1])


def wait_of(email: str) -> float:
    """Seconds until the account may be tried again from anywhere."""
    until = guessing.blocked_until(guessing.subject(email, "192.0.2.1"))
    return 0 if until is None else (until - timezone.now()).total_seconds()


def let_pass(email: str) -> None:
    """The wait is over."""
    Guesses.objects.filter(pk=guessing.subject(email, "192.0.2.1")).update(
        blocked_until=timezone.now() - timedelta(seconds=1)
    )


@pytest.mark.parametrize("known", [True, False], ids=["a known address", "an unknown one"])
def test_after_five_failures_each_try_waits_twice_as_long_up_to_a_quarter_of_an_hour(known: bool) -> None:
    email = person().email if known else address()
    assert NO_MATCH in guess(email, 4)
    assert wait_of(email) <= 0
    waits = []
    for _ in range(9):
        assert NO_MATCH in guess(email)
        waits.append(round(wait_of(email) / 15))
        assert WAIT in guess(email)
        let_pass(email)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_while_it_waits_the_right_password_is_refused_with_the_same_words() -> None:
    user = person()
    guess(user.email, 5)
    assert said(log_in(browser(), user.email)).count(WAIT) == 1
    let_pass(user.email)
    assert log_in(browser(), user.email).status_code == 302


def test_trying_while_it_waits_does_not_make_the_wait_longer() -> None:
    email = person().email
    guess(email, 5)
    before = wait_of(email)
    guess(email, 10)
    assert wait_of(email) <= before


def test_logging_in_forgets_the_failures_before_it() -> None:
    user = person()
    guess(user.email, 4)
    assert log_in(browser(), user.email).status_code == 302
    assert NO_MATCH in guess(user.email, 4)


def test_where_the_owner_was_logged_in_before_nobody_elsewhere_shuts_him_out() -> None:
    user = person()
    logged_in(user, REMOTE_ADDR="198.51.100.7")
    guess(user.email, 6, browser(REMOTE_ADDR="203.0.113.9"))
    assert log_in(browser(REMOTE_ADDR="198.51.100.7"), user.email).status_code == 302
    assert WAIT in said(log_in(browser(REMOTE_ADDR="203.0.113.9"), user.email))


def test_a_new_password_by_mail_ends_the_wait() -> None:
    user, client = person(), browser()
    guess(user.email, 6)
    client.post("/password/reset/", {"email": user.email})
    page = client.get(link(user.email, "password/reset/key/"))["Location"]
    new = "quite another long password"
    client.post(page, {"password1": new, "password2": new})
    assert log_in(browser(), user.email, new).status_code == 302


def test_one_address_may_fail_twenty_times_in_a_quarter_of_an_hour(settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"guess": "20/15m/ip"}
    here = browser(REMOTE_ADDR="203.0.113.20")
    for _ in range(20):
        assert NO_MATCH in guess(address(), 1, here)
    user = person()
    assert WAIT in said(log_in(here, user.email))
    assert log_in(browser(REMOTE_ADDR="203.0.113.21"), user.email).status_code == 302


def test_what_is_told_is_the_same_for_a_known_and_an_unknown_address() -> None:
    pages = []
    for email in (person().email, address()):
        client = browser()
        pages.append([without(guess(email, 1, client), email) for _ in range(7)])
    assert pages[0] == pages[1]


def without(page: str, email: str) -> list[str]:
    return [line.replace(email, "EMAIL") for line in page.splitlines() if "csrfmiddlewaretoken" not in line]


def test_an_unknown_address_costs_a_hash_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the time taken says nothing."""
    hashed: list[str] = []
    monkeypatch.setattr(User, "set_password", lambda self, raw: hashed.append(raw))
    guess(address())
    assert hashed == ["a wrong password"]


def test_failures_are_in_the_audit_trail_without_the_password() -> None:
    email = address()
    guess(email)
    with operator():
        (event,) = AuditEvent.objects.across().filter(action="user.log_in_refused", object_label=email)
    assert (event.actor_type, event.ip, event.organization_id) == ("system", "127.0.0.1", None)
    assert "wrong" not in f"{event.before}{event.after}{event.reason}"


def test_the_password_asked_again_is_guarded_like_the_first() -> None:
    user = person()
    client = logged_in(user)
    for _ in range(5):
        assert "not your password" in said(client.post("/reauthenticate/", {"password": "a wrong one"}))
    assert WAIT in said(client.post("/reauthenticate/", {"password": PASSWORD}))


# ---- codes ---------------------------------------------------------------------------------------


def test_a_challenge_takes_five_wrong_codes_and_then_not_even_the_right_one() -> None:
    user = person()
    secret = with_app(logged_in(user))
    client = browser()
    assert log_in(client, user.email)["Location"] == "/2fa/authenticate/"
    for _ in range(5):
        assert "not valid" in said(client.post("/2fa/authenticate/", {"code": wrong(secret)}))
    assert WAIT in said(client.post("/2fa/authenticate/", {"code": code(secret, 1)}))
    assert not sees(client)


def test_a_guessed_link_for_a_new_password_opens_nothing() -> None:
    user, client = person(), browser()
    client.post("/password/reset/", {"email": user.email})
    real = link(user.email, "password/reset/key/")
    for forged in (real[:-3] + "x/", real.replace("-", "-x", 1)):
        assert "This link is over" in said(client.get(forged))
