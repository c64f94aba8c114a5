"""Without a mouse: log in, skip to the content, make a key, open and close what opens."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.accounts.people import PASSWORD, person
from tests.browser.people import Person
from tests.cast import Cast

pytestmark = pytest.mark.browser

MOST_TABS = 60
# In a date's own calendar button the focus is the browser's, and so is its ring.
RING = """() => {
  if (!document.activeElement.matches(":focus")) return true;
  const look = getComputedStyle(document.activeElement);
  const label = document.activeElement.closest("label");
  const beside = label ? getComputedStyle(label) : look;
  const lined = (one) => one.outlineStyle !== "none" && parseFloat(one.outlineWidth) > 0;
  const near = label ? [...label.querySelectorAll("*")].map((one) => getComputedStyle(one)) : [];
  return [look, beside, ...near].some((one) => lined(one) || one.boxShadow !== "none");
}"""
NAME = """() => {
  const one = document.activeElement;
  const label = one.labels?.[0]?.innerText ?? one.getAttribute("aria-label") ?? one.innerText;
  return (label ?? "").trim();
}"""


def test_a_key_is_made_by_keyboard_alone(stranger: Callable[..., Person], cast: Cast) -> None:
    user, ben = person(cast.organization), Hands(stranger())
    ben.opens("/login/")
    ben.types_into("E-mail", user.email)
    ben.types_into("Password", PASSWORD)
    ben.strikes("Enter")
    ben.person.sees_heading(cast.organization.name)

    ben.skips_to_the_content()
    ben.person.team = cast.organization.slug
    ben.goes_by_letters("g", "k")
    ben.person.sees_heading("API keys")
    ben.skips_to_the_content()
    ben.moves_to("Create key")
    ben.strikes("Enter")
    ben.person.sees_heading("Create a live key")
    ben.skips_to_the_content()
    ben.types_into("Name", "By hand")
    ben.strikes("Enter")
    ben.person.sees_heading("By hand")
    assert ben.person.secret


def test_what_opens_closes_with_escape(enter: Callable[..., Person]) -> None:
    owner = Hands(enter("owner"))
    owner.opens("images/")
    owner.opens_and_closes("Switch team", ".rail-side .switcher .menu")
    owner.page.keyboard.press("?")
    expect(owner.page.locator("#shortcuts")).to_be_visible()
    owner.strikes("Escape")
    expect(owner.page.locator("#shortcuts")).to_be_hidden()

    owner.page.locator("[data-lightbox]").first.focus()
    owner.strikes("Enter")
    expect(owner.page.locator("#lightbox")).to_be_visible()
    owner.strikes("Escape")
    expect(owner.page.locator("#lightbox")).to_be_hidden()
    assert owner.page.evaluate("() => document.activeElement.matches('[data-lightbox]')")


@pytest.mark.parametrize(
    "place", ["", "playground/", "images/", "tasks/", "keys/new/", "usage/", "settings/"]
)
def test_focus_is_seen_wherever_it_is(enter: Callable[..., Person], place: str) -> None:
    owner = Hands(enter("owner"))
    owner.opens(place)
    for _ in range(MOST_TABS):
        owner.strikes("Tab")
        if owner.is_outside:
            break
        assert owner.page.evaluate(RING), owner.page.evaluate("() => document.activeElement.outerHTML")[:300]


class Hands:
    """Somebody who has a keyboard and no mouse."""

    def __init__(self, someone: Person) -> None:
        self.person, self.page = someone, someone.page

    def opens(self, place: str) -> None:
        self.person.opens(place)

    def strikes(self, key: str) -> None:
        self.page.keyboard.press(key)

    def goes_by_letters(self, *letters: str) -> None:
        for letter in letters:
            self.strikes(letter)

    @property
    def is_outside(self) -> bool:
        """Past the last thing of the page."""
        return bool(self.page.evaluate("() => document.activeElement === document.body"))

    def moves_to(self, name: str) -> None:
        """By Tab, to what is called so; he sees where he is all the way."""
        for _ in range(MOST_TABS):
            self.strikes("Tab")
            assert self.page.evaluate(RING), self.page.evaluate(NAME)
            if self.page.evaluate(NAME).startswith(name):
                return
        raise AssertionError(f"{name} is not to be reached by Tab")

    def types_into(self, field: str, text: str) -> None:
        if not self.page.evaluate(NAME).startswith(field):
            self.moves_to(field)
        self.page.keyboard.type(text)

    def skips_to_the_content(self) -> None:
        """The first Tab of a page is the way past its rail."""
        self.strikes("Tab")
        assert self.page.evaluate(NAME) == "Skip to the content"
        self.strikes("Enter")
        assert self.page.evaluate("() => document.activeElement.id") == "content"

    def opens_and_closes(self, summary: str, menu: str) -> None:
        self.page.locator("summary", has_text=summary).filter(visible=True).first.focus()
        self.strikes("Enter")
        expect(self.page.locator(menu)).to_be_visible()
        self.strikes("Escape")
        expect(self.page.locator(menu)).to_be_hidden()
        assert self.page.evaluate("() => document.activeElement.tagName") == "SUMMARY"
