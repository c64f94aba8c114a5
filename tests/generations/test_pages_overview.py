"""The first page of a team: numbers that lead to their rows, and a list that ticks itself."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Role
from tests.accounts.people import person
from tests.accounts.visits import Visitor
from tests.cast import Cast
from tests.generations.gallery import drawn, failed, key_of, ordered

pytestmark = [
    pytest.mark.usefixtures("quiet_database", "fresh_catalogue"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


def numbers(visitor: Visitor) -> dict[str, tuple[str, str]]:
    """What each number says, and where it leads."""
    found = re.findall(
        r'<a class="stat" href="([^"]*)"><span class="stat-label">([^<]+)</span>'
        r'<span class="stat-value">([^<]+)</span>',
        visitor.look("overview"),
    )
    return {label: (value, url.replace("&amp;", "&")) for url, label, value in found}


def test_each_number_leads_to_the_rows_behind_it(cast: Cast, owner: Visitor) -> None:
    drawn(cast, count=2)
    drawn(cast)
    failed(cast)
    ordered(cast, runs=False)
    told = numbers(owner)
    assert told["Images this month"][0] == "3"
    assert told["Spend this month"][0] == "$0.1161"
    assert told["Under way"][0] == "1"
    assert told["Failed"][0] == "33 %"
    assert told["Balance"][0] == "$0.0387"  # what the failed one gave back; the rest is charged or held
    rows = {"Images this month": 2, "Under way": 1, "Failed": 1}
    for name, many in rows.items():
        source = owner.client.get(told[name][1]).content.decode()
        assert source.count("<tr data-href=") == many, name


def test_the_newest_pictures_hang_there(cast: Cast, owner: Visitor) -> None:
    made = drawn(cast, prompt="A brass telescope")
    assert f'data-lightbox="/i/{made.pk}/0.png?t=' in owner.look("overview")
    billing = Visitor(person(cast.organization, Role.BILLING), cast.organization)
    assert "data-lightbox" not in billing.look("overview")


def test_the_doors_addresses_can_be_copied(owner: Visitor) -> None:
    source = owner.look("overview")
    for path in ("/evolink", "/openai/v1", "/toapis", "/gemini", "/gmi"):
        assert f'data-copy="{settings.EASEL.url}{path}"' in source


def test_the_first_steps_tick_themselves_and_go(cast: Cast, owner: Visitor) -> None:
    assert "Make a key" in owner.read("overview")
    assert "Done: Make a key" not in owner.read("first_steps")
    key_of(cast)
    assert "Done: Make a key" in owner.read("first_steps")
    drawn(cast, mode="test")
    said = owner.read("first_steps")
    assert "Done: Make an image" in said
    assert "It is in test mode" in said
    drawn(cast)
    answer = owner.client.get(owner.address("first_steps"))
    assert answer["HX-Refresh"] == "true"
    assert "First steps" not in owner.read("overview")


def test_who_can_take_no_first_step_is_shown_none(viewer: Visitor) -> None:
    assert "First steps" not in viewer.read("overview")


def test_the_number_of_queries_does_not_grow(cast: Cast, owner: Visitor) -> None:
    counted = []
    for number in (2, 5):
        for _ in range(number):
            drawn(cast)
        owner.look("overview")
        with CaptureQueriesContext(connection) as queries:
            owner.look("overview")
        counted.append(len(queries))
    assert counted[0] == counted[1]
