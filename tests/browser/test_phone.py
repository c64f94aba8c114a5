"""The team's pages on a telephone: nothing lies beside the screen, and the menu opens."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.people import Person
from tests.browser.studio import Studio
from tests.cast import Cast

pytestmark = pytest.mark.browser

WIDTH = 390
PHONE = {
    "viewport": {"width": WIDTH, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
PAGES = (
    "", "playground/", "images/", "tasks/", "requests/", "keys/", "keys/new/", "webhooks/", "webhooks/new/",
    "usage/", "billing/", "billing/entries/", "billing/prices/", "billing/budgets/", "billing/statements/",
    "billing/request/", "billing/verify/", "members/", "invitations/", "invitations/new/", "audit/",
    "settings/", "/profile/", "/2fa/", "/sessions/", "/teams/new/", "/docs/",
)  # fmt: skip
WIDE = f"() => document.documentElement.scrollWidth > {WIDTH}"
"""A telephone shows more of a page that is too wide, so its own width is what counts."""

OUTSIDE = """(width) => [...document.querySelectorAll("main *")]
  .filter((one) => one.getBoundingClientRect().right > width + 0.5 && !one.closest(".scroll, pre, svg"))
  .slice(0, 5).map((one) => `${one.tagName}.${one.className} ${one.getBoundingClientRect().right}`)"""


def test_no_page_is_wider_than_the_screen(enter: Callable[..., Person], studio: Studio) -> None:
    owner, wide = enter("owner", **PHONE), []
    for place in (*PAGES, f"tasks/{studio.tasks[0]}/", f"playground/{studio.tasks[0]}/"):
        owner.opens(place)
        expect(owner.page.get_by_role("heading", level=1)).to_be_visible()
        if owner.page.evaluate(WIDE):
            wide.append((place, owner.page.evaluate(OUTSIDE, WIDTH)))
    assert not wide


def test_pages_before_the_log_in_fit_too(stranger: Callable[..., Person]) -> None:
    ana = stranger(**PHONE)
    for place in ("/", "/login/", "/signup/", "/password/reset/", "/report-key/"):
        ana.opens(place)
        assert not ana.page.evaluate(WIDE), place


def test_the_menu_opens_and_leads_on(enter: Callable[..., Person]) -> None:
    owner = enter("owner", **PHONE)
    owner.opens("")
    assert not owner.has_link("Tasks")
    owner.page.locator("summary[aria-label=Menu]").tap()
    owner.page.get_by_role("link", name="Tasks", exact=True).tap()
    owner.sees_heading("Tasks")
    owner.page.get_by_role("row").nth(1).locator(".row-name").tap()
    owner.sees("Where the time went")


def test_a_key_is_made_by_thumb(visit: Callable[..., Person], cast: Cast) -> None:
    owner = visit(cast.owner, cast.organization, **PHONE)
    owner.opens("keys/")
    owner.page.get_by_role("link", name="Create key").first.tap()
    owner.types(name="Phone")
    owner.page.get_by_role("button", name="Create key").tap()
    owner.sees_heading("Phone")
    assert owner.secret
