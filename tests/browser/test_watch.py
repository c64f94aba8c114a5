"""The watch itself: what it would complain of in the other tests of this folder."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.people import Person
from tests.browser.studio import PROMPTS
from tests.browser.watch import Watch

pytestmark = pytest.mark.browser


INLINE_STYLE = "document.head.append(Object.assign(document.createElement('style'), {textContent: 'p{}'}))"


@pytest.mark.parametrize(
    "script, event, complaint",
    [
        ("console.error('it hurts')", "console", "it hurts"),
        ("setTimeout(() => { throw new Error('it broke') })", "pageerror", "it broke"),
        (INLINE_STYLE, "console", "Content Security Policy"),
        ("fetch('https://elsewhere.invalid/').catch(() => 0)", "console", "elsewhere.invalid"),
        ("fetch('/nothing-here/').catch(() => 0)", "console", "404"),
    ],
)
def test_it_hears_what_goes_wrong_on_a_page(
    stranger: Callable[..., Person], watches: list[Watch], script: str, event: Any, complaint: str
) -> None:
    person = stranger()
    person.opens("/login/")
    with person.page.expect_event(event):
        person.page.evaluate(f"() => {{ {script} }}")
    person.context.close()
    heard = "\n".join(watches[0].complaints)
    watches[0].complaints.clear()
    assert complaint in heard


def test_a_page_as_it_should_be_is_not_complained_of(enter: Callable[..., Person]) -> None:
    owner = enter("owner")
    owner.opens("")
    owner.sees_heading(re.compile("^Team"))
    assert owner.page.get_by_alt_text(PROMPTS[0]).count() == 1
