"""The usage page: ranges, groups, filters, timezones; every number leads to its rows."""

from __future__ import annotations

import re
from typing import Any

import pytest

from accounts.actions import keys, members
from accounts.models import ApiKey, Role
from billing.money import dollars
from generations.actions import finish
from generations.actions.submit import Asked, submit
from generations.spec import Order
from runtime.clock import utc_now
from tests.accounts.visits import Visitor
from tests.billing.books import drawn, sums, told
from tests.cast import BY, IMAGE, Cast, make_user
from tests.law.team import MODEL, QUOTE, pictures

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


@pytest.fixture
def owner(cast: Cast) -> Visitor:
    return Visitor(cast.owner, cast.organization)


@pytest.fixture
def key(cast: Cast) -> ApiKey:
    cast.credit(20)
    made, _ = keys.create(organization=cast.organization, mode="live", name="Website", by=BY)
    return made


def make(key: ApiKey, images: int = 1, dialect: str = "openai") -> None:
    asked = Asked(
        organization=key.organization_id, mode=key.mode, key=key.pk, member=None, dialect=dialect,
        idempotency_key="", wait=True, owner="web",
    )  # fmt: skip
    lease = submit(asked, Order(model=MODEL, asked=MODEL, prompt="a fox", count=images), QUOTE).claimed
    assert lease is not None
    assert finish.succeed(lease, pictures(lease, images), [], finish.Tried())


def test_every_chart_is_drawn_from_what_was_charged(owner: Visitor, key: ApiKey) -> None:
    make(key, 2)
    make(key, 3)
    charts = drawn(owner.look("usage"))
    assert set(charts) == {"images", "tokens", "spend", "latency", "errors"}
    assert sums(charts["images"]) == 5
    assert sums(charts["tokens"]) == 5 * 1290
    assert round(sums(charts["spend"]), 9) == float(dollars(5 * IMAGE))
    assert {len(chart["labels"]) for chart in charts.values()} == {30}


def test_behind_each_chart_is_a_table_with_its_sum(owner: Visitor, key: ApiKey) -> None:
    make(key, 2)
    source = owner.look("usage", "?range=7")
    assert source.count('<details class="chart-table">') == 5
    spend = source.split('id="spend"')[1].split("</figure>")[0]
    assert spend.count("<tr>") == 1 + 7 + 1
    assert "$0.0774</td></tr></tfoot>" in spend


@pytest.mark.parametrize("by", ["key", "model", "dialect", "member", "outcome"])
def test_groups_are_named_and_lead_to_themselves(owner: Visitor, key: ApiKey, by: str) -> None:
    make(key, 1, "gemini")
    source = owner.look("usage", f"?by={by}")
    names = {
        "key": "Website",
        "model": MODEL,
        "dialect": "Gemini",
        "member": "Keys of the team",
        "outcome": "Succeeded",
    }
    values = {"key": str(key.pk), "model": MODEL, "dialect": "gemini", "outcome": "succeeded"}
    assert names[by] in source
    if by in values:
        link = re.search(rf'<tr data-href="(\?[^"]*{by}={values[by]}[^"]*)"', source)
        assert link
        narrowed = owner.look("usage", link[1].replace("&amp;", "&"))
        assert "Remove this filter" in narrowed
        assert sums(drawn(narrowed)["images"]) == 1


def test_a_filter_narrows_and_its_chip_takes_it_away(owner: Visitor, cast: Cast, key: ApiKey) -> None:
    other, _ = keys.create(organization=cast.organization, mode="live", name="Batch", by=BY)
    make(key, 1)
    make(other, 2)
    source = owner.look("usage", f"?key={other.pk}&by=model&range=7")
    assert sums(drawn(source)["images"]) == 2
    assert "Key: Batch" in source
    (without,) = re.findall(r'class="chip" href="([^"]+)" aria-current="true">Key: Batch', source)
    assert sums(drawn(owner.look("usage", without.replace("&amp;", "&")))["images"]) == 3


def test_a_stat_leads_to_its_rows(owner: Visitor, key: ApiKey) -> None:
    make(key)
    stats = re.findall(r'<a class="stat" href="([^"]+)"><span class="stat-label">(\w+)', owner.look("usage"))
    assert {label for _, label in stats} == {"Images", "Tokens", "Spend", "Failed", "Mean"}
    for url, _ in stats:
        if url.startswith("/"):
            assert owner.client.get(url.replace("&amp;", "&")).status_code == 200


def test_a_timezone_stays_and_is_remembered(owner: Visitor, key: ApiKey) -> None:
    make(key)
    source = owner.look("usage", "?timezone=Asia/Kathmandu&range=7")
    assert "timezone=Asia%2FKathmandu" in source
    assert "Asia/Kathmandu</p>" in owner.look("usage")


def test_a_timezone_of_a_cookie_may_be_nonsense(owner: Visitor) -> None:
    owner.client.cookies["timezone"] = "../etc/passwd"
    assert "UTC</p>" in owner.look("usage")


@pytest.mark.parametrize(
    "query, says",
    [
        ("?timezone=Mars/Olympus", "Name a timezone as IANA does"),
        ("?timezone=localtime", "Name a timezone as IANA does"),
        ("?range=custom", "Choose the first and the last day"),
        ("?range=custom&from=2026-05-02&to=2026-05-01", "must end after it begins"),
        ("?range=custom&from=2020-01-01&to=2026-01-01", "at most 400 days"),
        ("?range=custom&from=0001-01-01&to=0001-01-02", "There was nothing then"),
        ("?range=custom&from=yesterday&to=today", "Enter a valid date"),
        ("?range=8", "Select a valid choice"),
        ("?by=colour", "Select a valid choice"),
        ("?step=minute", "Select a valid choice"),
        ("?key=mine", "Enter a valid UUID"),
        ("?dialect=klingon", "Select a valid choice"),
        ("?model=" + "x" * 101, "at most 100 characters"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_named_and_left_out(owner: Visitor, query: str, says: str) -> None:
    page = owner.read("usage", query)
    assert says in page
    assert "Images" in page


def test_hours_are_for_short_ranges(owner: Visitor, key: ApiKey) -> None:
    make(key)
    assert len(drawn(owner.look("usage", "?range=7&step=hour"))["images"]["labels"]) == 7 * 24
    long = owner.look("usage", "?range=90&step=hour")
    assert len(drawn(long)["images"]["labels"]) == 90
    assert "By hour" not in long


def test_without_usage_there_is_one_sentence(owner: Visitor) -> None:
    page = owner.read("usage")
    assert "Nothing was made in this range. Make an image" in page
    assert "Nothing was made in this range that fits" in owner.read("usage", "?model=none")


def test_modes_do_not_mix(owner: Visitor, cast: Cast, key: ApiKey) -> None:
    tester, _ = keys.create(organization=cast.organization, mode="test", name="tests", by=BY)
    make(key, 1)
    make(tester, 4)
    assert sums(drawn(owner.look("usage"))["images"]) == 1
    assert sums(drawn(owner.look("usage", "?mode=test"))["images"]) == 4


# ---- the file --------------------------------------------------------------------------------


def test_the_file_has_the_same_numbers(owner: Visitor, key: ApiKey) -> None:
    make(key, 2)
    make(key, 1, "gemini")
    answer = owner.client.get(owner.address("export_usage") + "?by=dialect&timezone=Asia/Kathmandu")
    rows = told(answer)
    assert sorted((row["dialect"], row["images"], row["cost_usd"]) for row in rows) == [
        ("gemini", "1", "0.0387"), ("openai", "2", "0.0774"),
    ]  # fmt: skip
    assert {row["at"][-6:] for row in rows} == {"+05:45"}


def test_no_cell_is_a_formula(owner: Visitor, cast: Cast, superuser: Any) -> None:
    today = utc_now().replace(minute=0, second=0, microsecond=0)
    superuser.execute(
        "INSERT INTO billing_usage (organization_id, mode, quarter, model, dialect, outcome, generations,"
        " images, tokens, amount, milliseconds)"
        " VALUES (%s, 'live', %s, '=HYPERLINK(1)', 'openai', 'x', 1, 0, 0, 0, 0)",
        (cast.organization.pk, today),
    )
    (row,) = told(owner.client.get(owner.address("export_usage") + "?by=model"))
    superuser.execute("DELETE FROM billing_usage WHERE organization_id = %s", (cast.organization.pk,))
    assert row["model"] == "'=HYPERLINK(1)"


# ---- who ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "role, page, file",
    [("owner", 200, 200), ("admin", 200, 200), ("developer", 200, 403), ("billing", 200, 200),
     ("viewer", 200, 403), ("stranger", 404, 404)],
)  # fmt: skip
def test_who_may_see_usage(cast: Cast, role: str, page: int, file: int) -> None:
    person = cast.stranger if role == "stranger" else member(cast, role)
    visitor = Visitor(person, cast.organization)
    assert visitor.status("get", "usage") == page
    assert visitor.status("get", "export_usage") == file
    assert visitor.status("post", "usage") in (405, 404)


def member(cast: Cast, role: str) -> Any:
    if role == "owner":
        return cast.owner
    user = make_user(role)
    members.add(organization=cast.organization, user=user, role=Role(role), by=BY)
    return user


def test_the_role_for_billing_is_led_to_entries_and_not_to_tasks(cast: Cast, key: ApiKey) -> None:
    make(key)
    page = Visitor(member(cast, "billing"), cast.organization).look("usage")
    assert "/billing/entries/" in page
    assert "/tasks/?" not in page
