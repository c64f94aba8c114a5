"""The tasks: found by filters and by any door's id, each with its story, cancelled after a question."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import entries
from generations import handles, listing
from generations.spec import Sampling
from tests.accounts.visits import Visitor
from tests.cast import IMAGE, Cast
from tests.generations.gallery import drawn, failed, key_of, ordered, row

pytestmark = [
    pytest.mark.usefixtures("quiet_database", "fresh_catalogue"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


def shown(visitor: Visitor, query: str = "") -> list[str]:
    """The ids of the tasks on a page, from above."""
    source = visitor.look("tasks", query)
    return re.findall(r'<tr data-href="/o/[^/]+/tasks/([0-9a-f-]{36})/"', source)


def test_a_list_is_narrowed_by_its_address(cast: Cast, owner: Visitor) -> None:
    fox = str(drawn(cast, prompt="A red FOX").pk)
    lost = str(failed(cast, prompt="A lamp", dialect="evolink").pk)
    waits = str(ordered(cast, runs=False, prompt="A lamp").generation.pk)
    assert shown(owner) == [waits, lost, fox]
    assert shown(owner, "?q=red+fox") == [fox]
    assert shown(owner, "?state=failed") == [lost]
    assert shown(owner, "?state=queued&state=running") == [waits]
    assert shown(owner, "?dialect=evolink") == [lost]
    assert shown(owner, f"?key={key_of(cast).pk}&state=succeeded") == [fox]
    assert shown(owner, "?model=gemini-3-pro-image") == []
    assert shown(owner, "?to=2020-01-01") == []
    assert shown(owner, "?from=2020-01-01") == [waits, lost, fox]
    assert shown(owner, "?mode=test") == []


def test_a_filter_is_a_chip_that_takes_itself_away(cast: Cast, owner: Visitor) -> None:
    drawn(cast)
    source = owner.look("tasks", "?model=gemini-2.5-flash-image&state=succeeded&before=")
    assert 'href="?state=succeeded"' in source
    assert "Model: Gemini 2.5 Flash Image" in source
    assert 'name="state" value="succeeded"' in source


@pytest.mark.parametrize(
    "query, mistake", [("?from=soon", "Write a day"), ("?dialect=nobody", "Door"), ("?key=no-key", "Key")]
)
def test_a_filter_that_makes_no_sense_is_named_and_left_out(
    cast: Cast, owner: Visitor, query: str, mistake: str
) -> None:
    made = str(drawn(cast).pk)
    assert shown(owner, query) == [made]
    assert mistake in owner.read("tasks", query)


def test_a_task_is_found_by_its_id_at_any_door(cast: Cast, owner: Visitor) -> None:
    made = drawn(cast)
    forms = [
        str(made.pk), handles.evolink(made.pk, made.ticket), handles.toapis(made.pk), handles.gemini(made.pk),
        handles.gmi(made.pk),
    ]  # fmt: skip
    for form in forms:
        answer = owner.client.get(owner.address("tasks"), {"q": f" {form} "})
        assert answer["Location"] == owner.address("task", generation=made.pk)
    strangers = Visitor(cast.stranger, cast.strangers)
    assert strangers.client.get(strangers.address("tasks"), {"q": str(made.pk)}).status_code == 200


def test_pages_lead_to_older_and_newer_ones_and_miss_none(
    cast: Cast, owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("generations.views.tasks.SIZE", 2)
    made = [str(drawn(cast, prompt=f"Number {number}").pk) for number in range(5)][::-1]
    pages, query = [], ""
    while True:
        source = owner.look("tasks", query)
        pages.append((query, shown(owner, query)))
        older = re.search(r'href="(\?before=[^"]+)" rel="next"', source)
        if older is None:
            break
        query = older[1]
    assert [page for _, page in pages] == [made[:2], made[2:4], made[4:]]
    back = re.search(r'href="(\?after=[^"]+)" rel="prev"', owner.look("tasks", pages[2][0]))
    assert back
    assert shown(owner, back[1]) == made[2:4]


def test_a_scan_that_stopped_leads_on(cast: Cast, owner: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    made = str(drawn(cast, prompt="The oldest fox").pk)
    for _ in range(3):
        drawn(cast, prompt="A lamp")
    monkeypatch.setattr(listing, "SCANNED", 2)
    source = owner.look("tasks", "?q=fox")
    assert shown(owner, "?q=fox") == []
    older = re.search(r'href="(\?q=fox&amp;before=[^"]+)"', source)
    assert older
    assert shown(owner, older[1].replace("&amp;", "&")) == [made]


def test_the_number_of_queries_does_not_grow_with_the_rows(cast: Cast, owner: Visitor) -> None:
    counted = []
    for number in (2, 6):
        for _ in range(number):
            drawn(cast)
        owner.look("tasks")
        with CaptureQueriesContext(connection) as queries:
            owner.look("tasks", "?q=lamp")
        counted.append(len(queries))
    assert counted[0] == counted[1]


# ---- one task --------------------------------------------------------------------------------


def test_a_task_shows_its_pictures_its_facts_and_its_story(cast: Cast, owner: Visitor) -> None:
    made = drawn(cast, count=2, prompt="Two lamps", sampling=Sampling(seed=7))
    source, said = owner.look("task", generation=made.pk), owner.read("task", generation=made.pk)
    assert len(re.findall(rf'data-lightbox="/i/{made.pk}/[01]\.png\?t=', source)) == 2
    assert "2 of 2" in said
    assert "2,580 tokens held $0.0774" in said
    assert "2,580 tokens charged $0.0774" in said
    assert "Attempt 1: the provider delivered 2 pictures." in said
    assert "Seed 7" in said
    assert handles.evolink(made.pk, made.ticket) in said
    assert "From order to end" in said


def test_a_failed_task_says_why_and_that_it_was_free(cast: Cast, owner: Visitor) -> None:
    made = failed(cast, "The content was blocked by the safety filter.")
    said = owner.read("task", generation=made.pk)
    assert "The content was blocked by the safety filter." in said
    assert "1,290 tokens given back" in said
    assert "Charged 0" in said


def test_another_form_of_the_id_leads_to_the_task(cast: Cast, owner: Visitor) -> None:
    made = drawn(cast)
    answer = owner.client.get(owner.address("task", generation=handles.gmi(made.pk)))
    assert answer["Location"] == owner.address("task", generation=made.pk)


def test_the_number_of_queries_of_a_task_does_not_grow(cast: Cast, owner: Visitor) -> None:
    few, many = drawn(cast), drawn(cast, count=4)
    counted = []
    for made in (few, many):
        owner.look("task", generation=made.pk)
        with CaptureQueriesContext(connection) as queries:
            owner.look("task", generation=made.pk)
        counted.append(len(queries))
    assert counted[0] == counted[1]


def test_cancelling_asks_first_and_gives_the_hold_back(cast: Cast, developer: Visitor) -> None:
    waits = ordered(cast, runs=False).generation
    before = entries.balance(cast.organization, "live")
    said = developer.read("cancel_task", generation=waits.pk)
    assert "1 290 tokens ($0.0387) are given back" in said.replace("\u2009", " ")
    assert row(cast, waits.pk).state == "queued"
    answer = developer.send("cancel_task", generation=waits.pk)
    assert "was cancelled" in developer.follow(answer)
    assert row(cast, waits.pk).state == "cancelled"
    after = entries.balance(cast.organization, "live")
    assert after.available - before.available == IMAGE
    assert after.held == 0


def test_what_is_over_cannot_be_cancelled(cast: Cast, owner: Visitor) -> None:
    done = drawn(cast)
    answer: Any = owner.send("cancel_task", generation=done.pk)
    assert "succeeded already" in owner.follow(answer)
    assert row(cast, done.pk).state == "succeeded"
