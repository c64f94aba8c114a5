"""Much money takes two operators: the first prepares, the second agrees, and it happens once (D.3)."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client

from billing.admin.deeds import TWO_PERSONS
from tests.admin import desk
from tests.admin.desk import WHY, available, events, said
from tests.cast import Cast
from tests.config.office import an_operator, visitor

pytestmark = pytest.mark.usefixtures("quiet_database")
ORGANIZATION = "accounts.Organization"


def prepared(client: Client, team: Cast, dollars: str) -> str:
    """The link for the second operator; empty if none is needed."""
    answer = desk.do(client, ORGANIZATION, "adjust", team.organization.pk, direction="add", dollars=dollars)
    found = re.search(r'value="(http[^"]+agreed=[^"]+)"', answer.content.decode())
    return unescape(found[1]).partition("localhost")[2] if found else ""


def test_up_to_a_million_tokens_one_operator_is_enough(team: Cast) -> None:
    assert prepared(visitor(an_operator("finance")), team, "30") == ""
    assert available(team.organization) == TWO_PERSONS


def test_beyond_that_a_second_one_must_agree(team: Cast) -> None:
    first, second = an_operator("finance"), an_operator("finance")
    link = prepared(visitor(first), team, "30.01")
    assert link
    assert available(team.organization) == 0
    page = visitor(second).get(link).content.decode()
    for word in (first.email, WHY, "$0.00 available, $30.01 after."):
        assert word in page
    answer = visitor(second).post(link, desk.hidden(page))
    assert said(answer) == ["The balance is adjusted."]
    assert available(team.organization) == TWO_PERSONS + 10_000_000
    (event,) = events(team.organization, "credit.adjust")
    assert (event.actor_label, event.reason) == (second.email, f"{WHY} (asked by {first.email})")


def test_nobody_agrees_with_himself(team: Cast) -> None:
    first = an_operator("finance")
    link = prepared(visitor(first), team, "31")
    for answer in (visitor(first).get(link), visitor(first).post(link, {})):
        assert answer.status_code == 302
    assert available(team.organization) == 0


def test_what_was_agreed_to_happens_once(team: Cast) -> None:
    link = prepared(visitor(an_operator("finance")), team, "31")
    second = visitor(an_operator("finance"))
    for _ in range(2):
        second.post(link, desk.hidden(second.get(link).content.decode()))
    assert available(team.organization) == 31_000_000_000


@pytest.mark.parametrize("role, status", [("support", 403), ("operations", 403), ("superuser", 200)])
def test_who_agrees_must_be_allowed_to_do_it(team: Cast, role: str, status: int) -> None:
    link = prepared(visitor(an_operator("finance")), team, "31")
    assert visitor(an_operator(role)).get(link).status_code == status


def test_a_link_that_was_changed_or_is_for_something_else_is_refused(team: Cast) -> None:
    link = prepared(visitor(an_operator("finance")), team, "31")
    second = visitor(an_operator("finance"))
    for bad in (link[:-1] + ("a" if link[-1] != "a" else "b"), link.replace("/adjust/", "/grant/")):
        assert second.get(bad).status_code == 400
    assert available(team.organization) == 0
