"""Usage, entries and budgets: every sum is the ledger's."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest

from billing import usage
from billing.money import dollars, plain
from tests.api.conftest import MANAGE
from tests.api.office import Office
from tests.cast import IMAGE, Cast
from tests.flows.wire import OPENAI, Books, eventually

QUARTER = timedelta(minutes=15)


def make(office: Office, key: str, count: int = 1, prompt: str = "A lamp") -> str:
    """A delivered generation's id."""
    answer = OPENAI.post(office.url, key, OPENAI.order(prompt, n=count))
    assert answer.status_code == 200, answer.text
    return answer.headers["x-easel-generation"]


@pytest.fixture(autouse=True)
def forget(superuser: psycopg.Connection[Any], cast: Cast) -> Iterator[None]:
    """What a test made up about the past is gone when it is over: somebody may prove the books."""
    yield
    superuser.execute(
        "DELETE FROM billing_usage WHERE organization_id = %s AND milliseconds = 1000 AND generations = 1"
        " AND model <> 'gemini-2.5-flash-image'",
        (cast.organization.pk,),
    )


def used(admin: psycopg.Connection[Any], cast: Cast, at: datetime, images: int = 1, **of: Any) -> None:
    """A roll-up of a quarter of long ago."""
    row = {"key_id": None, "model": "m", "dialect": "openai", "outcome": "succeeded", **of}
    admin.execute(
        "INSERT INTO billing_usage (organization_id, mode, quarter, key_id, member_id, model, dialect,"
        " outcome, generations, images, tokens, amount, milliseconds)"
        " VALUES (%s, 'live', %s, %s, NULL, %s, %s, %s, 1, %s, %s, %s, 1000)",
        (cast.organization.pk, at, row["key_id"], row["model"], row["dialect"], row["outcome"],
         images, images * 1290, images * IMAGE),
    )  # fmt: skip


# ---- usage ----


def test_usage_is_what_the_ledger_charged(cast: Cast, office: Office, books: Books) -> None:
    cast.credit(9)
    key = cast.key()
    make(office, key, 2)
    make(office, key, 3)
    charged = sum(entry["amount"] for entry in books.entries("settle"))
    for by in ("day", "hour", "quarter", "week", "month", "key", "model", "dialect", "member", "outcome", ""):
        for zone in ("UTC", "Asia/Kathmandu", "America/St_Johns"):
            told = office.get("usage", by=by, timezone=zone)
            assert Decimal(told["totals"]["cost_usd"]) == dollars(charged) == dollars(5 * IMAGE)
            if by:
                lines = [Decimal(line["totals"]["cost_usd"]) for line in told["data"]]
                assert sum(lines) == dollars(charged), by
    by_key = office.get("usage", by="key,dialect,outcome")
    (line,) = by_key["data"]
    assert (line["dialect"], line["outcome"], line["totals"]["images"]) == ("openai", "succeeded", 5)
    assert line["key"] == str(books.generations()[0]["key_id"])


SPRING = ("Europe/Berlin", datetime(2026, 3, 29, tzinfo=UTC), 23)
AUTUMN = ("Europe/Berlin", datetime(2026, 10, 25, tzinfo=UTC), 25)
NEPAL = ("Asia/Kathmandu", datetime(2026, 5, 2, tzinfo=UTC), 24)


@pytest.mark.parametrize("zone, day, hours", [SPRING, AUTUMN, NEPAL], ids=["spring", "autumn", "nepal"])
def test_days_are_those_of_the_timezone(
    cast: Cast, office: Office, superuser: psycopg.Connection[Any], zone: str, day: datetime, hours: int
) -> None:
    """A picture in each quarter of three days: a day has as many as it has quarters."""
    first = day - timedelta(days=1)
    for number in range(4 * 24 * 3):
        used(superuser, cast, first + number * QUARTER)
    wanted = {"from": day.date().isoformat(), "to": (day + timedelta(days=1)).date().isoformat()}
    days = office.get("usage", by="day", timezone=zone, **wanted)
    assert [line["totals"]["images"] for line in days["data"]] == [4 * hours]
    by_hour = office.get("usage", by="hour", timezone=zone, **wanted)
    assert [line["totals"]["images"] for line in by_hour["data"]] == [4] * hours
    assert len({line["at"] for line in by_hour["data"]}) == hours
    assert days["totals"] == by_hour["totals"]
    everything = {"from": first.date().isoformat(), "to": "2026-12-31"}
    whole = office.get("usage", by="day", timezone=zone, **everything)
    assert sum(line["totals"]["images"] for line in whole["data"]) == whole["totals"]["images"]


def test_usage_is_narrowed(cast: Cast, office: Office, superuser: psycopg.Connection[Any]) -> None:
    key, at = UUID(int=7), datetime(2026, 5, 2, 10, tzinfo=UTC)
    used(superuser, cast, at, 2, key_id=key)
    used(superuser, cast, at, 3, model="other")
    used(superuser, cast, at, 4, dialect="gmi", outcome="no_image")
    days = {"from": "2026-05-01", "to": "2026-05-03"}
    narrowed = [{"key": str(key)}, {"model": "other"}, {"dialect": "gmi"}, {"outcome": "no_image"}]
    found = [office.get("usage", **days, **one)["totals"]["images"] for one in narrowed]
    assert found == [2, 3, 4, 4]


def test_usage_as_csv_is_the_same(cast: Cast, office: Office, superuser: psycopg.Connection[Any]) -> None:
    at = datetime(2026, 5, 2, 20, tzinfo=UTC)
    used(superuser, cast, at, 2, model="=HYPERLINK(1)")
    query = {"from": "2026-05-01", "to": "2026-05-04", "by": "day,model", "timezone": "Asia/Kathmandu"}
    answer = office.send("GET", "usage", params={**query, "format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert row["model"] == "'=HYPERLINK(1)"
    assert (row["at"], row["images"], row["cost_usd"]) == ("2026-05-03T00:00:00+05:45", "2", "0.0774")


@pytest.mark.parametrize(
    "query",
    [
        {"by": "colour"}, {"by": "day,hour"}, {"by": "key,key"}, {"timezone": "Mars/Olympus"},
        {"from": "yesterday"}, {"from": "2026-05-02", "to": "2026-05-01"}, {"format": "xml"},
        {"key": "mine"}, {"from": "2026-05-01T00:00:00"}, {"timezone": "../etc/passwd"},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_wrong_with_a_question_is_said(office: Office, query: dict[str, str]) -> None:
    office.refused(400, "bad_request", "GET", "usage", params=query)


def test_too_many_lines_are_a_shorter_range(cast: Cast, superuser: psycopg.Connection[Any]) -> None:
    from zoneinfo import ZoneInfo

    from accounts.errors import InvalidValue

    at = datetime(2026, 5, 2, tzinfo=UTC)
    for number in range(3):
        used(superuser, cast, at + number * QUARTER)
    with pytest.raises(InvalidValue, match="shorter range"):
        usage.report(cast.organization, "live", since=at, until=at + timedelta(days=1),
                     zone=ZoneInfo("UTC"), by=("quarter",), most=2)  # fmt: skip


# ---- entries ----


def test_every_entry_has_the_balance_after_it(cast: Cast, office: Office) -> None:
    cast.credit(5)
    key = cast.key()
    make(office, key, 2)
    make(office, key)
    cast.credit(1)
    for size in (1, 2, 100):
        lines = list(office.pages("entries", limit=size))
        assert [line["kind"] for line in lines] == ["grant", "settle", "hold", "settle", "hold", "grant"]
        balances = [Decimal(line["balance_usd"]) for line in lines]
        changes = [Decimal(line["change_usd"]) for line in lines]
        for at in range(len(lines) - 1):
            assert balances[at] - changes[at] == balances[at + 1]
        assert balances[-1] == changes[-1]
    balance = office.get("balance")
    assert Decimal(balance["available_usd"]) == balances[0] == dollars(3 * IMAGE)
    assert balance == {"mode": "live", "available_usd": plain(dollars(3 * IMAGE)), "held_usd": "0",
                       "posted_usd": plain(dollars(3 * IMAGE))}  # fmt: skip


def test_a_filtered_list_has_the_same_balances(cast: Cast, office: Office) -> None:
    cast.credit(5)
    key = cast.key()
    generation = make(office, key)
    make(office, key)
    every = {line["id"]: line["balance_usd"] for line in office.pages("entries")}
    for query in ({"kind": "hold"}, {"generation_id": generation}, {"kind": "grant"}):
        for size in (1, 50):
            found = list(office.pages("entries", limit=size, **query))
            assert found
            assert {line["id"]: line["balance_usd"] for line in found}.items() <= every.items()
    assert list(office.pages("entries", to="2020-01-01")) == []


def test_entries_as_csv(cast: Cast, office: Office) -> None:
    cast.credit(2)
    make(office, cast.key())
    answer = office.send("GET", "entries", params={"format": "csv", "timezone": "Asia/Kathmandu"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["kind"] for row in rows] == ["settle", "hold", "grant"]
    assert rows[1]["change_usd"] == "-0.0387"
    assert rows[0]["created_at"].endswith("+05:45")


def test_modes_have_their_own_books(cast: Cast, office: Office, url: str) -> None:
    tester = Office(url, cast.key("test", scopes=MANAGE))
    make(tester, cast.key("test"))
    assert office.get("entries")["data"] == []
    assert {line["kind"] for line in tester.pages("entries")} == {"grant", "hold", "settle"}
    assert office.get("usage")["totals"]["images"] == 0
    assert tester.get("usage")["totals"]["images"] == 1


# ---- budgets ----


def test_a_budget_is_set_holds_and_is_lifted(cast: Cast, office: Office) -> None:
    cast.credit(9)
    made = office.do("POST", "keys", {"name": "Thrifty"}, 201)
    body = {"key_id": made["id"], "period": "day", "limit_usd": "0.0774"}
    budget = office.do("PUT", "budgets", body)
    make(office, made["secret"], 2)
    assert OPENAI.post(office.url, made["secret"]).status_code == 402
    (told,) = office.get("budgets")["data"]
    assert (told["used_usd"], told["left_usd"], told["period"]) == ("0.0774", "0", "day")
    raised = office.do("PUT", "budgets", {**body, "limit_usd": "1"})
    assert (raised["id"], raised["used_usd"]) == (budget["id"], "0.0774")
    make(office, made["secret"])
    office.do("DELETE", f"budgets/{budget['id']}", status=204)
    assert office.get("budgets")["data"] == []
    office.refused(404, "not_found", "DELETE", f"budgets/{budget['id']}")


def test_a_period_that_is_over_counts_no_more(
    cast: Cast, office: Office, superuser: psycopg.Connection[Any]
) -> None:
    budget = office.do("PUT", "budgets", {"period": "month", "limit_usd": "5"})
    superuser.execute(
        "UPDATE billing_budget SET used = 1000000000, \"window\" = '2026-01-01T00:00:00Z' WHERE id = %s",
        (budget["id"],),
    )
    (told,) = office.get("budgets")["data"]
    assert told["used_usd"] == "0"
    assert told["resets_at"] is not None


@pytest.mark.parametrize(
    "body",
    [
        {"period": "year", "limit_usd": "1"}, {"period": "day", "limit_usd": "0"},
        {"period": "day", "limit_usd": "-1"}, {"period": "day", "limit_usd": 1},
        {"period": "day", "limit_usd": "1e3"}, {"period": "day", "limit_usd": "0.0000000001"},
        {"period": "day", "limit_usd": "1", "used": 0}, {"limit_usd": "1"},
        {"period": "day", "limit_usd": "1", "key_id": str(UUID(int=1))},
        {"period": "day", "limit_usd": "9999999999"},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_wrong_with_a_budget_is_said(office: Office, body: dict[str, object]) -> None:
    answer = office.send("PUT", "budgets", json=body)
    assert answer.status_code == 400, answer.text
    assert office.get("budgets")["data"] == []


def test_the_books_wait_for_nobody(cast: Cast, office: Office) -> None:
    """What runs is held, and both add up."""
    cast.credit(1)
    key = cast.key()
    make(office, key)
    balance = eventually(lambda: office.get("balance"))
    assert Decimal(balance["available_usd"]) + Decimal(balance["held_usd"]) == Decimal(balance["posted_usd"])
