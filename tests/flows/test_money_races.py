"""Money under many hands at once: never below zero, never twice, never lost."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

import httpx2
import psycopg
import pytest
from accounts.models import ApiKey
from billing import actions, ledger
from generations.actions.submit import held_by
from generations.models import Generation
from runtime.tenancy import ROLES, tenant

from tests.cast import BY, IMAGE, Cast
from tests.flows.wire import DOORS, EVOLINK, LIVE, OPENAI, Books, Door, eventually

TRIALS = int(os.environ.get("EASEL_TRIALS", "3"))


class Crowd:
    """Many clients at one server, each with a connection of its own, all asking at the same time."""

    def __init__(self, url: str) -> None:
        self.url = url

    def submit(
        self, calls: Sequence[tuple[Door, str]], *, order: dict[str, Any] | None = None, **headers: str
    ) -> list[httpx2.Response]:
        """One answer for each (door, key), in their order."""
        return asyncio.run(self._submit(calls, order or EVOLINK.order(), headers))

    async def _submit(
        self, calls: Sequence[tuple[Door, str]], order: dict[str, Any], headers: dict[str, str]
    ) -> list[httpx2.Response]:
        return list(await asyncio.gather(*(self._one(door, key, order, headers) for door, key in calls)))

    async def _one(self, door: Door, key: str, order: dict[str, Any], headers: dict[str, str]) -> httpx2.Response:
        async with httpx2.AsyncClient(timeout=110, trust_env=False) as client:
            headers = {"Authorization": f"Bearer {key}", **headers}
            return await client.post(self.url + door.prefix + door.submit, json=order, headers=headers)


@pytest.fixture
def crowd(url: str) -> Crowd:
    return Crowd(url)


def statuses(answers: Sequence[httpx2.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


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
    once = books.wallet(), books.entries("hold", "release")
    assert once[0] == (IMAGE, 0)

    with tenant(cast.organization):
        held = held_by(Generation.objects.of(cast.organization).get())
        ledger.release(held)
        ledger.release(held)

    assert (books.wallet(), books.entries("hold", "release")) == once


def test_twenty_cancels_at_once_release_once(url: str, cast: Cast, books: Books) -> None:
    cast.credit(2)
    key = cast.key()
    task = EVOLINK.post(url, key, EVOLINK.order("test:slow=30")).json()["id"]

    async def cancel() -> list[httpx2.Response]:
        async with httpx2.AsyncClient(timeout=30, trust_env=False) as client:
            path = f"{url}/evolink/v1/tasks/{task}/cancel"
            calls = (client.post(path, headers={"Authorization": f"Bearer {key}"}) for _ in range(20))
            return list(await asyncio.gather(*calls))

    answers = asyncio.run(cancel())
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
def test_the_owner_of_the_table_changes_no_entry(admin_url: str, cast: Cast, books: Books, change: str) -> None:
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
    actions.set_budget(
        organization=cast.organization, period=period, limit=images * IMAGE, by=BY, key=row.pk
    )
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
    codes = Counter(answer.json()["error"]["code"] for answer in answers if answer.status_code == 402)
    daily = "token_daily_quota_exceeded" if period == "day" else "insufficient_token_quota"
    assert set(codes) <= {daily, "billing_error"}
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


# ---- J4, F32, A23: one Idempotency-Key -----------------------------------------------------------


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_fifty_clients_with_one_idempotency_key_make_one_generation(
    crowd: Crowd, cast: Cast, books: Books, door: Door
) -> None:
    cast.credit(50)
    answers = crowd.submit([(door, cast.key())] * 50, **{"Idempotency-Key": "the one"})

    assert statuses(answers) == {200: 50}
    replayed = Counter(answer.headers.get("idempotency-replayed") for answer in answers)
    assert replayed == {None: 1, "true": 49}
    assert len({answer.headers["x-easel-generation"] for answer in answers}) == 1
    if door is OPENAI:
        assert len({answer.content for answer in answers}) == 1
    else:
        assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(books.settled()) == 1
    assert len(books.entries("hold")) == 1
    assert books.wallet() == (49 * IMAGE, 0)


@pytest.mark.parametrize(("door", "status"), [(EVOLINK, 409), (OPENAI, 422)], ids=["evolink", "openai"])
def test_another_order_with_the_same_key_is_refused(
    url: str, cast: Cast, books: Books, door: Door, status: int
) -> None:
    cast.credit(5)
    key, headers = cast.key(), {"Idempotency-Key": "mine"}
    first = door.post(url, key, headers=headers)
    before = books.counts()

    other = door.post(url, key, door.order("Something else"), headers=headers)

    assert (other.status_code, other.json()["error"]["code"]) == (status, "idempotency_conflict")
    assert first.headers["x-easel-generation"] not in other.text
    assert books.counts()["generations_generation"] == before["generations_generation"]
    assert len(books.entries("hold")) == 1


def test_the_same_meaning_in_another_spelling_and_at_the_other_door_is_the_same_order(
    url: str, cast: Cast, books: Books
) -> None:
    cast.credit(5)
    key, headers = cast.key(), {"Idempotency-Key": "mine"}
    first = EVOLINK.post(url, key, EVOLINK.order("A lamp", size="16:9"), headers=headers)
    turned = EVOLINK.post(url, key, {"size": "16:9", "n": 1, **EVOLINK.order("A lamp")}, headers=headers)
    other = OPENAI.post(url, key, OPENAI.order("A lamp", size="1344x768"), headers=headers)

    assert turned.json()["id"] == first.json()["id"]
    assert other.status_code == 200, other.text
    assert len(other.json()["data"]) == 1
    assert {turned.headers["idempotency-replayed"], other.headers["idempotency-replayed"]} == {"true"}
    assert other.headers["x-easel-generation"] == first.headers["x-easel-generation"]
    assert len(books.entries("hold")) == 1


@pytest.mark.parametrize(
    ("door", "code"), [(EVOLINK, "resource_expired"), (OPENAI, "gone")], ids=["evolink", "openai"]
)
def test_a_replay_after_the_image_was_deleted_is_gone(
    url: str, cast: Cast, books: Books, superuser: psycopg.Connection[Any], door: Door, code: str
) -> None:
    cast.credit(5)
    key, headers = cast.key(), {"Idempotency-Key": "mine"}
    first = door.post(url, key, headers=headers)
    (generation,) = books.settled()
    superuser.execute(
        "UPDATE generations_output SET deleted_at = now() WHERE generation_id = %s", [generation["id"]]
    )

    again = door.post(url, key, headers=headers)

    assert (again.status_code, again.json()["error"]["code"]) == (410, code)
    assert again.headers["x-easel-generation"] == first.headers["x-easel-generation"]
    assert again.headers["x-should-retry"] == "false"
    assert len(books.entries("hold")) == 1


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
@pytest.mark.parametrize("key", ["k" * 300, "k" * 256, "a\tb", "schlüssel"], ids=["300", "256", "tab", "umlaut"])
def test_a_key_that_is_too_long_or_not_printable_is_a_bad_request(
    url: str, cast: Cast, books: Books, door: Door, key: str
) -> None:
    cast.credit(1)
    headers = httpx2.Headers({"Idempotency-Key": key}, encoding="latin-1")
    refused = door.post(url, cast.key(), headers=headers)
    assert refused.status_code == 400, refused.text
    assert refused.json()["error"]["param"] == "Idempotency-Key"
    assert books.generations() == []


def test_a_key_of_255_letters_is_taken(url: str, cast: Cast) -> None:
    cast.credit(1)
    assert EVOLINK.post(url, cast.key(), headers={"Idempotency-Key": "k" * 255}).status_code == 200


def test_other_organizations_and_modes_have_keys_of_their_own(url: str, cast: Cast, books: Books) -> None:
    cast.credit(1)
    headers = {"Idempotency-Key": "everybody's"}
    live, test, strangers = cast.key(), cast.key("test"), cast.strangers_key("test")
    answers = [EVOLINK.post(url, key, headers=headers) for key in (live, test, strangers)]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.json()["id"] for answer in answers}) == 3
    assert not any("idempotency-replayed" in answer.headers for answer in answers)
    books.settled()


def test_a_refused_submit_leaves_its_idempotency_key_free(url: str, cast: Cast, books: Books) -> None:
    key, headers = cast.key(), {"Idempotency-Key": "patience"}
    assert EVOLINK.post(url, key, headers=headers).status_code == 402
    assert set(books.counts().values()) == {0}
    cast.credit(1)
    taken = EVOLINK.post(url, key, headers=headers)
    assert taken.status_code == 200
    assert "idempotency-replayed" not in taken.headers
    eventually(lambda: books.wallet() == (0, 0))
