"""X1: the exact price of an order before it is taken, on the real endpoint of every door."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import ApiKey
from billing import actions
from runtime.tenancy import tenant
from tests.cast import BY, IMAGE, Cast
from tests.flows.five import EVOLINK, OPENAI, WAYS, Way, Wish, finished
from tests.flows.wire import Books

RATIOS = ("1:1", "3:2", "2:3", "16:9", "9:16", "4:3", "3:4")
DRY = {"X-Dry-Run": "true"}
by_name = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)


def dollars(nano: int) -> Decimal:
    return Decimal(nano) / 10**9


@by_name
def test_a_dry_run_says_the_same_at_every_door_and_leaves_nothing(
    url: str, cast: Cast, books: Books, way: Way
) -> None:
    cast.credit(10)
    before = books.counts()

    told = way.post(url, cast.key(), Wish(), **DRY)

    assert told.status_code == 200, told.text
    assert told.json() == {
        "dry_run": True,
        "tokens": 1290,
        "cost_usd": "0.0387",
        "balance_after_usd": "0.3483",
        "budget_headroom_usd": None,
        "starts_in_s": 0,
    }
    assert "x-easel-generation" not in told.headers
    assert books.counts() == before
    assert books.wallet() == (10 * IMAGE, 0)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("requests", [20, pytest.param(500, marks=pytest.mark.slow)])
def test_for_random_requests_the_quote_is_the_later_charge(
    url: str, cast: Cast, books: Books, requests: int
) -> None:
    cast.credit(4 * requests)
    key, chance = cast.key(), random.Random(1290)
    for _ in range(requests):
        way = chance.choice(WAYS)
        wish = Wish(f"A lamp {chance.random()}", chance.choice(RATIOS), chance.randint(1, min(way.counts, 4)))
        quoted = way.post(url, key, wish, **DRY).json()
        taken = way.post(url, key, wish)
        assert taken.status_code == 200, taken.text
        final = finished(url, key, taken.headers["x-easel-generation"])
        assert final.headers["x-easel-tokens"] == str(quoted["tokens"])
        assert Decimal(final.headers["x-easel-cost-usd"]) == Decimal(quoted["cost_usd"])
        assert dollars(books.wallet()[0]) == Decimal(quoted["balance_after_usd"])


@by_name
def test_a_dry_run_is_refused_as_the_order_itself_would_be(
    url: str, cast: Cast, books: Books, way: Way
) -> None:
    key = cast.key()
    rehearsed, real = way.post(url, key, Wish(), **DRY), way.post(url, key, Wish())
    assert rehearsed.status_code == real.status_code == 402
    assert _sentence(rehearsed.json()) == _sentence(real.json())
    assert books.entries("hold") == []


def _sentence(body: dict[str, Any]) -> str:
    error = body["error"]
    return str(error if isinstance(error, str) else error["message"])


def test_a_dry_run_tells_what_the_tightest_budget_leaves(url: str, cast: Cast) -> None:
    cast.credit(10)
    key = cast.key()
    with tenant(cast.organization):
        row = ApiKey.objects.of(cast.organization).latest("created_at")
    for period, images in (("day", 3), ("total", 5)):
        actions.set_budget(
            organization=cast.organization, period=period, limit=images * IMAGE, by=BY, key=row.pk
        )
    told = OPENAI.post(url, key, Wish(), **DRY).json()
    assert told["budget_headroom_usd"] == "0.0774"


@by_name
def test_nothing_is_taken_above_the_callers_ceiling(url: str, cast: Cast, books: Books, way: Way) -> None:
    cast.credit(2)
    key = cast.key()
    refused = way.post(url, key, Wish(), **{"X-Max-Cost": "0.0386"})
    assert refused.status_code == 402
    assert "more than the X-Max-Cost of $0.0386" in _sentence(refused.json())
    assert books.generations() == []
    assert way.post(url, key, Wish(), **{"X-Max-Cost": "0.0387"}).status_code == 200


@pytest.mark.parametrize(
    ("header", "value"),
    [("X-Dry-Run", "perhaps"), ("X-Easel-Strict", "2"), ("X-Max-Cost", "cheap"), ("X-Max-Cost", "-1"),
     ("X-Max-Cost", "NaN"), ("X-Max-Cost", "1e30")],
)  # fmt: skip
def test_a_wish_that_cannot_be_read_is_refused_and_not_ignored(
    url: str, cast: Cast, books: Books, header: str, value: str
) -> None:
    cast.credit(1)
    refused = EVOLINK.post(url, cast.key(), Wish(), **{header: value})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, header)
    assert books.generations() == []
