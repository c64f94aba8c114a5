"""Somebody new: signs up, makes a key, makes an image with it, and finds it wherever it should be."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from openai import OpenAI
from playwright.sync_api import expect

from tests.accounts.people import PASSWORD, address
from tests.browser.people import Person
from tests.browser.studio import MODEL

pytestmark = pytest.mark.browser

PROMPT = "A fox asleep under a fern"


def test_from_signing_up_to_the_first_image(stranger: Callable[..., Person], site: str) -> None:
    ana = stranger()
    signs_up(ana, address())
    tries_in_test_mode(ana)

    secret = makes_a_key(ana)
    ana.sees("Waiting for the first call")
    steps = looks_at_the_steps(ana)
    draws(site, secret)
    steps.sees_not("First steps")
    ana.sees("POST /openai/v1/images/generations")
    ana.follows("See what it made")

    ana.sees_heading(PROMPT)
    reads_the_timeline(ana)
    finds_it_everywhere(ana)
    sees_the_steps_ticked(ana)


def signs_up(ana: Person, email: str) -> None:
    """With an address that she confirms from the mail."""
    ana.opens("/")
    ana.follows("Sign up")
    ana.types(email=email, password1=PASSWORD, team="Ana's Studio")
    ana.presses("Sign up")
    ana.sees_heading("Look into your mail")
    ana.opens(ana.finds_in_mail(email, "confirm-email/"))
    ana.presses("Yes, confirm")
    ana.sees_heading("Ana's Studio")
    found = re.fullmatch(r"/o/([\w-]+)/", ana.path)
    assert found, ana.path
    ana.team = found[1]


def tries_in_test_mode(ana: Person) -> None:
    ana.sees("First steps")
    ana.follows("Test")
    ana.sees("Sandbox pictures, test credit. Nothing here is billed.")
    ana.sees("Make a key")


def makes_a_key(ana: Person) -> str:
    ana.follows("Create key")
    ana.types(name="My laptop")
    ana.presses("Create key")
    ana.sees_heading("My laptop")
    assert ana.secret.startswith("easel_test_")
    assert ana.secret in ana.page.locator(".programs pre").first.inner_text()
    return ana.secret


def looks_at_the_steps(ana: Person) -> Person:
    """In another tab, which goes on by itself."""
    tab = ana.another_tab()
    tab.opens("")
    tab.sees("First steps")
    expect(tab.page.locator(".step-done")).to_have_text([re.compile("Make a key")])
    return tab


def draws(site: str, secret: str) -> None:
    """With the official client, at the base URL that the page gives."""
    with OpenAI(api_key=secret, base_url=f"{site}/openai/v1", max_retries=0) as client:
        made = client.images.generate(model=MODEL, prompt=PROMPT, n=1)
    assert made.data
    assert made.data[0].b64_json or made.data[0].url


def reads_the_timeline(ana: Person) -> None:
    """Every second and every token has its line, and the picture is there."""
    phases = ana.page.locator(".phases li")
    assert phases.count() >= 3
    expect(ana.page.locator(".phase-sum")).to_contain_text("From order to end")
    sums = ana.page.locator("section[aria-labelledby=tokens]")
    expect(sums).to_contain_text("Charged1 290")
    shows_its_picture(ana)


def shows_its_picture(ana: Person) -> None:
    """Loaded and drawn, not only linked."""
    picture = ana.page.get_by_alt_text(PROMPT).first
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") > 0


def finds_it_everywhere(ana: Person) -> None:
    ana.follows("Images")
    shows_its_picture(ana)
    ana.follows("Tasks")
    row = ana.page.get_by_role("row", name=re.compile(PROMPT))
    expect(row).to_contain_text("Succeeded")
    expect(row).to_contain_text("My laptop")
    ana.follows("Requests")
    call = ana.page.get_by_role("row", name="POST /openai/v1/images/generations")
    expect(call).to_contain_text("200")
    ana.follows("Usage")
    expect(ana.page.locator(".stat", has_text="Images")).to_contain_text("1")
    expect(ana.page.locator(".stat", has_text="Tokens")).to_contain_text("1 290")
    ana.follows("Billing")
    ana.follows("Entries")
    charged = ana.page.get_by_role("row", name=re.compile("Charged"))
    expect(charged).to_contain_text("1 290")
    charged.get_by_role("link").click()
    ana.sees_heading(PROMPT)


def sees_the_steps_ticked(ana: Person) -> None:
    """All are done, and make room for the picture."""
    ana.follows("Overview")
    shows_its_picture(ana)
    ana.sees_not("First steps")
