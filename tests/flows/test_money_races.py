"""Money under many hands at once: never below zero, never twice, never lost."""

from __future__ import annotations

import os
from typing import Any

import psycopg
import pytest

from accounts.models import ApiKey
from billing import actions, ledger
from generations.actions.submit import held_by
from generations.models import Generation
from runtime.tenancy import ROLES, tenant
from tests.cast import BY, IMAGE, Cast
from tests.flows.crowd import Crowd, statuses
from tests.flows.wire import DOORS, EVOLINK, LIVE, OPENAI, Books, Door

TRIALS = int(os.environ.get("EASEL_TRIALS", "3"))


def deadlocks(superuser: psycopg.Connection[Any]) -> int:
    row = superuser.execute(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    ).fetchone()
    assert row is not None
    return int(row[0])


def adds_up(books: Books, credited: int) -> None:
    """Credit = what is there + what was charged, and what is held is what runs."""
    posted, held = books.wallet()
    charged = sum(row["amount"] for row in books.entries("settle"))
    live = [row for row in books.generations() if row["state"] in LIVE]
    assert posted + charged == credited
    assert held == len(live) * IMAGE
    assert posted >= held >= 0


# ---- B3, F31: the balance ----------------------------------------------------------------------


def test_of_fifty_submits_at_two_doors_exactly_the_ten_that_are_paid_for_are_taken(
    crowd: Crowd, cast: Cast, books: Books, superuser: psycopg.Connection[Any]
) -> None:
    cast.credit(10)
    key, before = cast.key(), deadlocks(superuser)

    answers = crowd.submit([(DOORS[turn % 2], key) for turn in range(50)])

    assert statuses(answers) == {200: 10, 402: 40}
    for turn, answer in enumerate(answers):
        if answer.status_code == 402:
            tells_what_is_missing(DOORS[turn % 2], answer.json()["error"], crowd.url)
    assert len(books.settled()) == 10
    assert len(books.entries("hold")) == 10
    assert books.wallet() == (0, 0)
    adds_up(books, 10 * IMAGE)
    assert deadlocks(superuser) == before


def tells_what_is_missing(door: Door, error: dict[str, Any], url: str) -> None:
    """Balance, need and link, in the door's own words."""
    assert "needs $0.0387" in error["message"]
    assert "the balance is $" in error["message"]
    assert f"{url}/billing" in error["message"]
    if door is EVOLINK:
        assert (error["code"], error["type"]) == ("insufficient_quota", "insufficient_quota")
        assert error["estimated_credits"] == 2.6316
        assert error["account_balance_credits"] < 2.6316
        assert error["action_url"] == f"{url}/billing"
    else:
        assert (error["code"], error["type"]) == ("billing_error", "invalid_request_error")


@pytest.mark.fault
@pytest.mark.parametrize("trial", range(TRIALS))
def test_of_two_hundred_submits_exactly_fifty_are_held(
    crowd: Crowd, cast: Cast, books: Books, superuser: psycopg.Connection[Any], trial: int
) -> None:
    cast.credit(50)
    key, before = cast.key(), deadlocks(superuser)

    answers = crowd.submit([(EVOLINK, key)] * 200, order=EVOLINK.order("test:slow=20"))

    assert statuses(answers) == {200: 50, 402: 150}
    assert books.wallet() == (50 * IMAGE, 50 * IMAGE)
    for answer in answers:
        if answer.status_code == 200:
            EVOLINK.cancel(crowd.url, key, answer.json()["id"])
    assert {row["state"] for row in books.settled()} == {"cancelled"}
    assert books.wallet() == (50 * IMAGE, 0)
    adds_up(books, 50 * IMAGE)
    assert deadlocks(superuser) == before


# ---- B4: twice is once -------------------------------------------------------------------------


def test_releasing_twice_changes_nothing(url: str, cast: Cast, books: Books) -> None:
    cast.credit(1)
    key = cast.key()
    OPENAI.post(url, key, OPENAI.order("test:block"))
    once = books.wallet(), books.entries("hold", "release", "settle")
    assert once[0] == (IMAGE, 0)

    with tenant(cast.organization):
        row = Generation.objects.of(cast.organization).get()
        assert row.finished_at is not None
        closing = ledger.Closing(row.finished_at, row.member_id, row.model, row.dialect, "cancelled")
        assert not ledger.release(held_by(row), closing)
        assert not ledger.settle(held_by(row), row.tokens_held, closing)

    assert (books.wallet(), books.entries("hold", "release", "settle")) == once
    assert books.count("billing_usage") == 1


def test_twenty_cancels_at_once_release_once(crowd: Crowd, cast: Cast, books: Books) -> None:
    cast.credit(2)
    key = cast.key()
    task = EVOLINK.post(crowd.url, key, EVOLINK.order("test:slow=30")).json()["id"]

    answers = crowd.post(20, f"/evolink/v1/tasks/{task}/cancel", key)
    assert statuses(answers) == {200: 20}
    assert {answer.json()["error"]["code"] for answer in answers} == {"request_cancelled"}
    assert len(books.entries("release")) == 1
    assert books.wallet() == (2 * IMAGE, 0)


# ---- B6: the database itself refuses ---------------------------------------------------------

CHANGES = (
    "UPDATE billing_entry SET reason = 'changed'",
    "DELETE FROM billing_entry",
    "TRUNCATE billing_entry CASCADE",
)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("role", ["", *ROLES])
def test_no_role_may_change_an_entry(database: str, cast: Cast, books: Books, role: str, change: str) -> None:
    cast.credit(1)
    with psycopg.connect(database) as login:
        if role:
            login.execute(f"SET ROLE {role}")
        login.execute("SELECT set_config('easel.organization', %s, false)", [str(cast.organization.pk)])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            login.execute(change)
    assert [row["reason"] for row in books.entries("grant")] == ["test"]


@pytest.mark.parametrize("change", CHANGES)
def test_not_even_a_superuser_changes_an_entry(
    superuser: psycopg.Connection[Any], cast: Cast, books: Books, change: str
) -> None:
    cast.credit(1)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        superuser.execute(change)
    assert [row["reason"] for row in books.entries("grant")] == ["test"]


@pytest.mark.parametrize("change", CHANGES)
def test_the_owner_of_the_table_changes_no_entry(
    admin_url: str, cast: Cast, books: Books, change: str
) -> None:
    cast.credit(1)
    with psycopg.connect(admin_url) as owner:
        owner.execute("SET ROLE easel_owner")
        try:
            assert owner.execute(change).rowcount == 0, "its own walls hide every row from it"
        except psycopg.errors.InsufficientPrivilege:
            owner.rollback()
    assert [row["reason"] for row in books.entries("grant")] == ["test"]


# ---- K9: budgets -------------------------------------------------------------------------------


def key_with_budget(cast: Cast, images: int, period: str) -> str:
    plain = cast.key()
    with tenant(cast.organization):
        row = ApiKey.objects.of(cast.organization).latest("created_at")
    actions.set_budget(organization=cast.organization, period=period, limit=images * IMAGE, by=BY, key=row.pk)
    return plain


def used(books: Books) -> int:
    query = "SELECT used FROM billing_budget WHERE organization_id = %s"
    (row,) = books.rows(query, books.organization)
    return int(row["used"])


@pytest.mark.parametrize("period", ["day", "total"])
def test_fifty_parallel_calls_never_exceed_a_keys_budget(
    crowd: Crowd, cast: Cast, books: Books, period: str
) -> None:
    cast.credit(100)
    key = key_with_budget(cast, 5, period)

    answers = crowd.submit([(DOORS[turn % 2], key) for turn in range(50)])

    assert statuses(answers) == {200: 5, 402: 45}
    refused = [answer.json()["error"] for answer in answers if answer.status_code == 402]
    daily = "token_daily_quota_exceeded" if period == "day" else "insufficient_token_quota"
    assert {error["code"] for error in refused} == {daily, "billing_error"}
    assert all(f"per {period} of $0.1935 is used up ($0.1935)" in error["message"] for error in refused)
    books.settled()
    assert used(books) == 5 * IMAGE
    adds_up(books, 100 * IMAGE)


def test_what_fails_gives_its_share_of_the_budget_back(url: str, cast: Cast, books: Books) -> None:
    cast.credit(10)
    key = key_with_budget(cast, 1, "month")
    for _ in range(3):
        assert OPENAI.post(url, key, OPENAI.order("test:block")).json()["data"] == []
        assert used(books) == 0
    assert OPENAI.post(url, key).status_code == 200
    refused = OPENAI.post(url, key)
    assert (refused.status_code, refused.json()["error"]["code"]) == (402, "billing_error")
    assert "$0.0387 is used up ($0.0387)" in refused.json()["error"]["message"]
    assert used(books) == IMAGE


def test_a_budget_is_not_lowered_by_a_hold_that_it_never_counted(url: str, cast: Cast, books: Books) -> None:
    cast.credit(3)
    key = cast.key()
    slow = EVOLINK.order("A lamp test:slow=30")
    before = EVOLINK.post(url, key, slow).json()["id"]
    with tenant(cast.organization):
        row = ApiKey.objects.of(cast.organization).latest("created_at")
    actions.set_budget(organization=cast.organization, period="total", limit=5 * IMAGE, by=BY, key=row.pk)
    after = EVOLINK.post(url, key, slow).json()["id"]
    assert used(books) == IMAGE
    EVOLINK.cancel(url, key, before)
    assert used(books) == IMAGE
    EVOLINK.cancel(url, key, after)
    assert used(books) == 0
