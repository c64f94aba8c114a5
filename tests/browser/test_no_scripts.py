"""The core of the pages with JavaScript turned off: forms and links alone."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest
from playwright.sync_api import expect

from tests.accounts.people import person
from tests.browser.people import Person
from tests.browser.studio import draw
from tests.cast import Cast
from tests.flows.wire import eventually

pytestmark = pytest.mark.browser

PROMPT = "A kite over the dunes"


def test_a_day_without_scripts(stranger: Callable[..., Person], cast: Cast, site: str) -> None:
    cast.credit(3)
    user, ben = person(cast.organization, "owner"), stranger(java_script_enabled=False)
    ben.logs_in(user.email)
    ben.team = cast.organization.slug
    ben.sees_heading(cast.organization.name)

    secret = makes_a_key(ben)
    draw(site, secret, "A bell")
    revokes_it(ben)
    assert asks(site, secret) == 401

    orders_in_the_playground(ben)
    finds_what_was_made(ben)
    reads_the_books(ben)
    ben.logs_out()
    ben.is_denied_entry()


def asks(site: str, secret: str) -> int:
    headers = {"Authorization": f"Bearer {secret}"}
    return httpx2.get(f"{site}/openai/v1/models", headers=headers, timeout=60, trust_env=False).status_code


def makes_a_key(ben: Person) -> str:
    ben.follows("API keys")
    ben.follows("Create key")
    ben.presses("Create key")
    ben.sees("This field is required.")
    ben.types(name="Plain")
    ben.presses("Create key")
    ben.sees_heading("Plain")
    return ben.secret


def revokes_it(ben: Person) -> None:
    """Its name typed, or not at all."""
    ben.follows("Go to the key")
    ben.follows("Revoke")
    ben.types(reason="Gone with the laptop", name="Plane")
    ben.presses("Revoke key")
    ben.sees("Type the key's name as it stands there: Plain")
    assert ben.page.locator("[name=reason]").input_value() == "Gone with the laptop"
    ben.types(name="Plain")
    ben.presses("Revoke key")
    ben.sees("Plain is revoked.")


def orders_in_the_playground(ben: Person) -> None:
    """The page asks again by itself until the picture is there."""
    ben.follows("Playground")
    ben.presses("Make it")
    ben.sees("This field is required.")
    ben.types(prompt=PROMPT)
    ben.presses("Make it")
    expect(ben.page.locator("#stage").get_by_alt_text(PROMPT)).to_be_visible()


def finds_what_was_made(ben: Person) -> None:
    ben.follows("Images")
    picture = ben.page.get_by_alt_text(PROMPT)
    expect(picture).to_be_visible()
    picture.click()
    ben.sees_heading(PROMPT)
    ben.sees("Where the time went")
    ben.follows("Tasks")
    ben.page.locator("form[role=search] [type=search]").fill("kite")
    ben.presses("Filter")
    expect(ben.page.locator("tbody tr")).to_have_count(1)
    ben.follows("Requests")
    eventually(lambda: "/openai/v1/images/generations" in ben.words)
    ben.page.locator("tbody .row-name").first.click()
    ben.sees("What was answered")


def reads_the_books(ben: Person) -> None:
    ben.follows("Usage")
    expect(ben.page.locator(".stat", has_text="Images")).to_contain_text("2")
    ben.follows("Billing")
    expect(ben.page.locator(".stat", has_text="Available")).to_contain_text("$0.0387")
    ben.follows("Entries")
    expect(ben.page.get_by_role("row", name="Charged")).to_have_count(2)
