"""A second factor: set up from the secret that is shown, asked for at the next log-in, and a way back
for the day the phone is gone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.accounts.people import code, person
from tests.browser.people import Person
from tests.cast import Cast

pytestmark = pytest.mark.browser


def test_a_password_opens_nothing_without_the_code(stranger: Callable[..., Person], cast: Cast) -> None:
    user, ben = person(cast.organization), stranger()
    ben.logs_in(user.email)
    secret, recovery = sets_up_an_app(ben)

    ben.opens("/")
    ben.logs_out()
    gives_the_password(ben, user.email)
    ben.types(code=code(secret, 1))
    ben.presses("Log in")
    ben.sees_heading(cast.organization.name)

    comes_back_without_a_phone(ben, user.email, recovery)
    ben.sees_heading(cast.organization.name)
    comes_back_without_a_phone(ben, user.email, recovery)
    ben.sees("Each works once")
    ben.is_denied_entry()


def sets_up_an_app(ben: Person) -> tuple[str, str]:
    """The secret that he gives his app, and one of his recovery codes."""
    ben.opens("/profile/")
    ben.page.locator("section[aria-labelledby=factor]").get_by_role("link", name="Set up").click()
    ben.page.locator("section[aria-labelledby=app]").get_by_role("link", name="Set up").click()
    ben.sees_heading("Authenticator app")
    assert ben.page.get_by_alt_text("QR code").evaluate("image => image.naturalWidth") > 0
    secret = ben.page.locator(".copy-value").inner_text()
    ben.types(code=code(secret))
    ben.presses("Turn on")
    ben.sees("10 of 10 are left.")
    recovery = ben.page.locator(".codes code").first.inner_text()
    ben.follows("I have kept them")
    ben.sees_heading("Second factors")
    return secret, recovery


def gives_the_password(ben: Person, email: str) -> None:
    ben.logs_in(email)
    ben.sees_heading("One thing more")


def comes_back_without_a_phone(ben: Person, email: str, recovery: str) -> None:
    ben.logs_out()
    gives_the_password(ben, email)
    ben.types(code=recovery)
    ben.presses("Log in")
