"""The pages of money: balance, entries, budgets, alert, requests for credit, prices, proof."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest
from django.test import Client

from accounts.actions import keys
from billing import actions, entries, standing
from billing.actions import credit
from generations.actions import finish
from tests.accounts.visits import Visitor, words
from tests.billing.books import told
from tests.cast import BY, Cast, make_organization
from tests.law.team import order, pictures

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.filterwarnings("ignore:No directory at"),
]
DOLLARS = 1_000_000_000


@pytest.fixture
def owner(cast: Cast) -> Visitor:
    return Visitor(cast.owner, cast.organization)


def make(cast: Cast, images: int = 1) -> str:
    """A charged generation's id."""
    lease = order(cast.organization.pk, images, mode="live", key="", waits=True).claimed
    assert lease is not None
    assert finish.succeed(lease, pictures(lease, images), [], finish.Tried())
    return str(lease.id)


# ---- the balance -----------------------------------------------------------------------------


def test_the_balance_says_what_is_left_and_what_it_is_worth(owner: Visitor, cast: Cast) -> None:
    cast.credit(100)
    make(cast, 2)
    order(cast.organization.pk, 3, mode="live", key="", waits=False)
    page = owner.read("billing")
    for words_ in ("Available $3.68", "Held $0.1161", "Posted $3.79", "Good for 95 images"):
        assert words_ in page
    assert "Charged" in page


def test_a_test_wallet_says_that_it_refills(owner: Visitor) -> None:
    page = owner.read("billing", "?mode=test")
    assert "refills by itself" in page
    assert "Request credit" not in page
    answer = owner.send("request_credit", {"amount": "5"})
    assert "Test wallets refill" in owner.follow(answer)


def test_without_a_team_the_link_of_a_402_leads_to_the_one_there_is(cast: Cast) -> None:
    client = Client(SERVER_NAME="localhost")
    assert client.get("/billing")["Location"] == "/login/?next=/billing"
    client.force_login(cast.owner)
    for path in ("/billing", "/billing/"):
        assert client.get(path)["Location"] == f"/o/{cast.organization.slug}/billing/"


def test_with_two_teams_it_asks_which(cast: Cast) -> None:
    other = make_organization(cast.owner)
    client = Client(SERVER_NAME="localhost")
    client.force_login(cast.owner)
    page = client.get("/billing").content.decode()
    for team in (cast.organization, other):
        assert f"/o/{team.slug}/billing/" in page
    assert cast.strangers.slug not in page


# ---- entries ---------------------------------------------------------------------------------


def test_every_entry_has_the_balance_after_it_and_leads_to_its_task(owner: Visitor, cast: Cast) -> None:
    cast.credit(2)
    generation = make(cast)
    page = owner.read("entries")
    for words_ in ("+$0.0774", "−$0.0387", "$0.0387 of what was reserved", generation, "test"):
        assert words_ in page
    assert f"/tasks/{generation}/" in owner.look("entries")


def test_pages_go_back_and_forth_and_miss_nothing(
    owner: Visitor, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.views.entries.SIZE", 3)
    for number in range(1, 9):
        actions.grant(
            organization=cast.organization, amount=number * DOLLARS, reason=f"grant {number}", by=BY
        )
    seen, url = [], "?"
    while url:
        source = owner.client.get(owner.address("entries") + url).content.decode()
        seen += re.findall(r"<span>grant (\d)</span>", source)
        url = linked(source, "next")
    assert seen == list("87654321")
    balances = re.findall(r'<td class="number">(\$[\d.]+)</td>', source)
    assert balances[-1] == "$1.0000"
    back = linked(source, "prev")
    assert rows(owner, back) == ["5", "4", "3"]
    top = linked(owner.client.get(back).content.decode(), "prev")
    assert rows(owner, top) == ["8", "7", "6"]
    assert not linked(owner.client.get(top).content.decode(), "prev")


def linked(source: str, rel: str) -> str:
    found = re.search(rf'href="([^"]+)" rel="{rel}"', source)
    return f"{found[1].replace('&amp;', '&')}" if found else ""


def rows(owner: Visitor, query: str) -> list[str]:
    return re.findall(
        r"<span>grant (\d)</span>", owner.client.get(owner.address("entries") + query).content.decode()
    )


def test_a_cursor_is_good_for_its_own_books_only(
    owner: Visitor, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.views.entries.SIZE", 1)
    for _ in range(3):
        cast.credit(1)
    source = owner.look("entries")
    cursor = linked(source, "next")
    stranger = Visitor(cast.stranger, cast.strangers)
    assert stranger.client.get(stranger.address("entries") + cursor).status_code == 404
    assert owner.client.get(owner.address("entries") + cursor + "x").status_code == 404
    assert owner.client.get(owner.address("entries") + "?before=1").status_code == 404
    assert owner.client.get(owner.address("entries") + cursor.replace("before=", "after=")).status_code == 404


def test_filters_narrow_entries(owner: Visitor, cast: Cast) -> None:
    cast.credit(3)
    generation = make(cast)
    assert "Charged $" not in owner.read("entries", "?kind=grant")
    page = owner.look("entries", f"?generation={generation}")
    assert len(re.findall(r"<tr data-href", page)) == 2
    assert "No entry fits" in owner.read("entries", "?to=2020-01-01")
    assert "No entry fits" in owner.read("entries", "?from=2100-01-01")


@pytest.mark.parametrize(
    "query, says",
    [
        ("?kind=gift", "Select a valid choice"),
        ("?from=tomorrow", "Write a day as"),
        ("?generation=1", "Enter a valid UUID"),
        ("?timezone=Mars", "Name a timezone"),
    ],
)
def test_a_filter_that_makes_no_sense_is_named(owner: Visitor, query: str, says: str) -> None:
    assert says in owner.read("entries", query)


def test_entries_as_a_file_in_a_timezone(owner: Visitor, cast: Cast) -> None:
    actions.grant(organization=cast.organization, amount=DOLLARS, reason="=1+1", by=BY)
    make(cast)
    answer = owner.client.get(owner.address("export_entries") + "?timezone=Asia/Kathmandu&kind=grant")
    (row,) = told(answer)
    assert row["created_at"].endswith("+05:45")
    assert (row["reason"], row["balance_usd"]) == ("'=1+1", "1")


# ---- budgets ---------------------------------------------------------------------------------


def test_a_budget_is_set_changed_and_lifted(owner: Visitor, cast: Cast) -> None:
    cast.credit(9)
    sent = {"key": "team", "period": "month", "limit": "0.387", "alert_percent": "50"}
    assert "The whole team each month" in owner.follow(owner.send("set_budget", sent))
    make(cast, 6)
    page = owner.read("budgets")
    assert "60 % used" in page
    assert "told from 50 %" in page
    source = owner.client.get(owner.address("set_budget") + "?key=&period=month").content.decode()
    assert 'value="0.387"' in source
    assert "told from" not in owner.follow(
        owner.send("set_budget", {**sent, "limit": "1", "alert_percent": ""})
    )
    (budget,) = entries.budgets(cast.organization, "live")
    assert "No budget yet" in owner.follow(owner.send("delete_budget", budget=budget.id))


def test_a_budget_of_a_key_names_it(owner: Visitor, cast: Cast) -> None:
    key, _ = keys.create(organization=cast.organization, mode="live", name="<b>Shop</b>", by=BY)
    page = owner.follow(owner.send("set_budget", {"key": str(key.pk), "period": "day", "limit": "5"}))
    assert "<b>Shop</b> each day" in page


@pytest.mark.parametrize(
    "wrong, says",
    [
        ({"limit": "0"}, "above zero"),
        ({"limit": "a lot"}, "Write an amount in dollars"),
        ({"limit": ""}, "required"),
        ({"limit": "NaN"}, "Write an amount"),
        ({"limit": "0.0000000001"}, "nine decimals"),
        ({"alert_percent": "100"}, "less than or equal to 99"),
        ({"alert_percent": "half"}, "whole number of percent"),
        ({"period": "year"}, "Select a valid choice"),
        ({"key": "11111111-1111-7111-8111-111111111111"}, "valid choice"),
    ],
)
def test_a_bad_budget_keeps_what_was_typed(
    owner: Visitor, cast: Cast, wrong: dict[str, str], says: str
) -> None:
    answer = owner.send(
        "set_budget", {"key": "team", "period": "day", "limit": "7", "alert_percent": "80", **wrong}
    )
    assert answer.status_code == 200
    page = answer.content.decode()
    assert says in words(page)
    for value in wrong.values():
        assert not value or value in page or "valid choice" in says
    assert entries.budgets(cast.organization, "live") == []


def test_a_strangers_key_gets_no_budget(owner: Visitor, cast: Cast) -> None:
    theirs, _ = keys.create(organization=cast.strangers, mode="live", name="theirs", by=BY)
    answer = owner.send("set_budget", {"key": str(theirs.pk), "period": "day", "limit": "7"})
    assert "Select a valid choice" in words(answer.content.decode())


# ---- alert and credit ------------------------------------------------------------------------


def test_an_alert_is_set_and_turned_off(owner: Visitor, cast: Cast) -> None:
    assert "told below $10.00" in owner.follow(owner.send("balance_alert", {"threshold": "10"}))
    alert = standing.alert(cast.organization, "live")
    assert alert is not None
    assert alert.threshold == 10 * DOLLARS
    assert "Nobody is told" in owner.follow(owner.send("delete_balance_alert"))
    assert owner.send("delete_balance_alert").status_code == 404


def test_credit_is_asked_for_and_the_answer_shows(owner: Visitor, cast: Cast) -> None:
    page = owner.follow(owner.send("request_credit", {"amount": "25", "note": "A <launch>"}))
    assert "The operators have your request" in page
    assert "$25.00 Waiting" in page
    again = owner.send("request_credit", {"amount": "30", "note": "and more"})
    assert "A request waits for its answer already" in words(again.content.decode())
    assert "and more" in again.content.decode()
    (asked,) = standing.credit_requests(cast.organization, "live", size=9)
    credit.grant(organization=cast.organization, request=asked.pk, reason="Paid by invoice", by=BY)
    page = owner.read("billing")
    assert "$25.00 Granted" in page
    assert "Paid by invoice" in page
    assert "Available $25.00" in page


def test_a_request_is_withdrawn(owner: Visitor, cast: Cast) -> None:
    owner.send("request_credit", {"amount": "25"})
    (asked,) = standing.credit_requests(cast.organization, "live", size=9)
    assert "Withdrawn" in owner.follow(owner.send("withdraw_request", asked=asked.pk))
    assert "answered already" in owner.follow(owner.send("withdraw_request", asked=asked.pk))
    stranger = Visitor(cast.stranger, cast.strangers)
    assert stranger.send("withdraw_request", asked=asked.pk).status_code == 404


# ---- prices, statements, proof ---------------------------------------------------------------


def test_prices_have_their_versions(owner: Visitor) -> None:
    page = owner.read("prices")
    assert "gemini-2.5-flash-image In effect $0.00003 $30.00" in page


@pytest.mark.parametrize("month", ["2026-13", "1999-12", "2999-01", "2026-1", "2026-01-01", "now"])
def test_there_is_no_statement_of_a_month_that_never_was(owner: Visitor, month: str) -> None:
    assert owner.status("get", "statement", month=month) == 404


def test_a_new_team_has_a_statement_of_this_month(owner: Visitor) -> None:
    page = owner.read("statements")
    assert "So far" in page
    assert page.count("$0.0000") == 4


def test_the_books_are_verified_on_a_button(
    owner: Visitor, cast: Cast, superuser: psycopg.Connection[Any]
) -> None:
    cast.credit(3)
    make(cast)
    assert "Verify now" in owner.read("verify")
    assert "Everything holds" in owner.follow(owner.send("verify"))
    change = "UPDATE billing_wallet SET posted = posted + %s WHERE organization_id = %s AND mode = 'live'"
    superuser.execute(change, (1, cast.organization.pk))
    try:
        page = owner.follow(owner.send("verify"))
    finally:
        superuser.execute(change, (-1, cast.organization.pk))
    assert "does not hold" in page
    assert f"wallet live of {cast.organization.slug}" in page
