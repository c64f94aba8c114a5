"""Requests per minute."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from accounts.actions import keys
from accounts.admission import admit
from accounts.auditing import Actor
from accounts.limits import Allowance
from accounts.models import Organization, RateWindow
from runtime.clock import database_now
from runtime.tenancy import tenant

pytestmark = pytest.mark.usefixtures("database")
BY = Actor.system("test")


@pytest.fixture(autouse=True)
def _within_one_minute(database: Any) -> None:
    """Begin where the window will not turn over before the test has counted."""
    left = 60 - database_now().second
    if left < 10:
        time.sleep(left)


def make_key(organization: Organization, **fields: Any) -> str:
    return keys.create(organization=organization, mode="test", name="a key", by=BY, **fields)[1]


def limit(organization: Organization, requests: int | None) -> None:
    with tenant(organization):
        Organization.objects.filter(pk=organization.pk).update(requests_per_minute=requests)


def ask(plain: str) -> Allowance:
    return admit(plain, ip="192.0.2.1", agent="", door="openai")[1]


def test_each_request_leaves_one_less(organization: Organization) -> None:
    limit(organization, 3)
    plain = make_key(organization)
    seen = [ask(plain) for _ in range(5)]
    assert [a.remaining for a in seen] == [2, 1, 0, 0, 0]
    assert [a.allowed for a in seen] == [True, True, True, False, False]
    assert {a.limit for a in seen} == {3}
    assert all(1 <= a.reset_seconds <= 60 and a.retry_after >= 1 for a in seen)


def test_an_organization_without_a_limit_of_its_own_has_the_platforms(organization: Organization) -> None:
    assert ask(make_key(organization)).limit == settings.EASEL.rate_limit


def test_the_limit_is_the_organizations_whichever_of_its_keys_asks(organization: Organization) -> None:
    limit(organization, 2)
    first, second = make_key(organization), make_key(organization)
    assert [ask(first).allowed, ask(second).allowed, ask(first).allowed] == [True, True, False]


def test_a_runaway_key_does_not_take_the_others_share(organization: Organization) -> None:
    limit(organization, 5)
    runaway, calm = make_key(organization, requests_per_minute=2), make_key(organization)
    assert [ask(runaway).allowed for _ in range(20)] == [True, True] + [False] * 18
    assert ask(runaway).limit == 2
    assert [ask(calm).allowed for _ in range(4)] == [True, True, True, False]


def test_the_tighter_of_two_limits_is_told(organization: Organization) -> None:
    limit(organization, 4)
    plain = make_key(organization, requests_per_minute=3)
    assert (ask(plain).limit, ask(plain).remaining) == (3, 1)
    other = make_key(organization, requests_per_minute=100)
    assert (ask(other).limit, ask(other).remaining) == (4, 0)


def test_the_next_minute_starts_anew(organization: Organization) -> None:
    limit(organization, 1)
    plain = make_key(organization)
    assert [ask(plain).allowed, ask(plain).allowed] == [True, False]
    with tenant(organization):
        for window in RateWindow.objects.of(organization):
            RateWindow.objects.of(organization).filter(pk=window.pk).update(minute=window.minute - 1)
    assert [ask(plain).allowed, ask(plain).allowed] == [True, False]


def test_parallel_first_requests_are_counted_exactly(organization: Organization) -> None:
    limit(organization, 10)
    plains = [make_key(organization), make_key(organization, requests_per_minute=100)]

    def one(number: int) -> bool:
        try:
            return ask(plains[number % 2]).allowed
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(one, range(40)))
    assert results.count(True) == 10


def test_organizations_do_not_share_a_count(organization: Organization, make_organization: Any) -> None:
    other = make_organization()
    limit(organization, 1)
    limit(other, 1)
    mine, theirs = make_key(organization), make_key(other)
    assert [ask(mine).allowed, ask(theirs).allowed, ask(mine).allowed] == [True, True, False]


def test_the_first_requests_of_a_key_may_come_all_at_once(organization: Organization) -> None:
    """Each makes the row of its minute or counts on it; none is refused because another was first."""
    limit(organization, 10_000)
    with ThreadPoolExecutor(6) as callers:
        for _ in range(25):
            plain = make_key(organization, requests_per_minute=1_000)
            seen = list(callers.map(lambda _, key=plain: ask_and_leave(key), range(6)))
            assert sorted(a.remaining for a in seen) == [994, 995, 996, 997, 998, 999]


def ask_and_leave(plain: str) -> Allowance:
    try:
        return ask(plain)
    finally:
        connection.close()
