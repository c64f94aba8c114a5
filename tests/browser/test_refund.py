"""An operator gives a charge back and says why; the team reads it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from accounts.access import OperatorRole
from tests.browser.people import Person
from tests.browser.studio import draw, tasks_of
from tests.cast import Cast
from tests.config.office import an_operator

pytestmark = pytest.mark.browser

WHY = "The picture showed six fingers"


def test_the_team_sees_the_refund_and_its_reason(visit: Callable[..., Person], cast: Cast, site: str) -> None:
    cast.credit(1)
    draw(site, cast.key(), "A hand that waves")
    (task,) = tasks_of(cast.organization)

    refunds(visit(an_operator(OperatorRole.SUPERUSER)), task)

    owner = visit(cast.owner, cast.organization)
    owner.opens(f"tasks/{task}/")
    expect(owner.page.locator("section[aria-labelledby=tokens]")).to_contain_text("Refunded1 290")
    expect(owner.page.locator("section[aria-labelledby=happened]")).to_contain_text("refunded")
    owner.opens(f"billing/entries/?generation={task}")
    entry = owner.page.get_by_role("row", name="Refunded")
    expect(entry).to_contain_text(WHY)
    expect(entry).to_contain_text("+$0.0387")
    owner.opens("billing/")
    expect(owner.page.locator(".stat", has_text="Available")).to_contain_text("$0.0387")


def refunds(operator: Person, task: str) -> None:
    """Found by its id, previewed, then done."""
    operator.opens("/admin/")
    search = operator.page.locator("input[name=find]").filter(visible=True).first
    search.fill(task)
    search.press("Enter")
    operator.page.wait_for_url(f"**/generations/generation/{task}/change/")
    operator.follows("Refund")
    operator.page.get_by_label("Reason").fill(WHY)
    operator.presses("Preview")
    operator.sees("1,290 of 1,290 tokens")
    operator.presses("Refund")
    operator.page.wait_for_url(f"**/{task}/change/**")
