"""More for less: races for money, odd counts, idempotency keys bent out of shape (A21, A22, A23)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx2
import psycopg
import pytest
from django.db import connection

from billing import actions as billing
from runtime import database
from tests.abuses.attacker import DOORS, JSON, Attacker, sentence
from tests.cast import BY, IMAGE, make_cast
from tests.flows.five import EVOLINK, GEMINI, GMI, OPENAI, TOAPIS, WAYS, Way, Wish
from tests.flows.wire import LIVE, Books, eventually


@pytest.fixture
def poor(url: str, superuser: psycopg.Connection[Any]) -> Attacker:
    """A team of this test's own, with credit for five images."""
    cast = make_cast()
    cast.credit(5)
    return Attacker(url, cast, cast.key(), Books(superuser, cast.organization))


def at_once(count: int, call: Any) -> list[Any]:
    """What so many calls gave, made at the same moment; `call` takes their number."""
    with ThreadPoolExecutor(count) as crowd:
        return list(crowd.map(call, range(count)))


def adds_up(books: Books, credited: int) -> None:
    """Credit = what is there + what was charged, and what is held is what runs."""
    posted, held = books.wallet()
    live = [row for row in books.generations() if row["state"] in LIVE]
    assert posted + sum(row["amount"] for row in books.entries("settle")) == credited
    assert held == len(live) * IMAGE
    assert posted >= held >= 0


# ---- A21: at the same moment -------------------------------------------------------------------


def test_of_orders_at_five_doors_at_once_those_that_are_paid_for_are_taken(poor: Attacker) -> None:
    """A21: five paid images, thirty orders, every door; money is where it meets."""
    answers = at_once(30, lambda turn: poor.submit(WAYS[turn % 5]))
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[200] == 5, statuses
    assert len(poor.books.entries("hold")) == 5
    for answer in answers:
        if answer.status_code != 200:
            assert answer.status_code in (402, 403, 429), answer.text
            sentence(answer)
    assert len(poor.books.settled()) == 5
    adds_up(poor.books, 5 * IMAGE)


@pytest.mark.parametrize("way", [EVOLINK, GMI], ids=lambda way: way.name)
def test_a_cancel_and_an_end_at_once_are_one_end(poor: Attacker, way: Way) -> None:
    """A21: cancelled is free, finished is paid, and nothing is both."""
    made = [poor.submit(way).headers["x-easel-generation"] for _ in range(5)]
    method, path = {
        "evolink": ("POST", "/evolink/v1/tasks/{}/cancel"),
        "gmi": ("DELETE", "/gmi/api/v1/ie/requestqueue/apikey/requests/{}"),
    }[way.name]
    at_once(20, lambda turn: poor.send(method, path.format(made[turn % 5])))
    rows = poor.books.settled()
    settled = {row["generation_id"] for row in poor.books.entries("settle")}
    assert settled == {row["id"] for row in rows if row["state"] == "succeeded"}
    assert {row["state"] for row in rows} <= {"succeeded", "cancelled"}
    adds_up(poor.books, 5 * IMAGE)


def test_a_payment_that_is_told_twenty_times_is_credited_once(poor: Attacker) -> None:
    """A21: whoever tells it, its own reference makes it one (a top-up's webhook comes twice some day)."""
    give = partial(
        billing.grant,
        organization=poor.cast.organization,
        amount=IMAGE,
        reason="paid",
        by=BY,
        reference="pay_1",
    )

    def told(_: int) -> bool:
        try:
            return database.call(give)
        finally:
            connection.close()

    assert sorted(at_once(20, told)) == [False] * 19 + [True]
    assert poor.books.wallet() == (6 * IMAGE, 0)


# ---- A22: odd counts ---------------------------------------------------------------------------

ODD = (
    "-1",
    "0",
    "1e3",
    "2.5",
    "1.0",
    "true",
    "false",
    '"1"',
    '""',
    "[1]",
    "{}",
    "100",
    "9" * 30,
    "-0",
    "1e-9",
)
"""As they are written in JSON."""


def counted(way: Way, count: str) -> bytes:
    """An order for `count` images, whatever that is."""
    if way is GEMINI:
        body = way.spell(Wish())
        body["generationConfig"]["candidateCount"] = "<count>"
    else:
        body = {**way.spell(Wish()), "n": "<count>"}
    return json.dumps(body).replace('"<count>"', count).encode()


OF_PROTOBUF = ('"1"', "0", "-0", "1.0")
"""What means a good number in Google's JSON: written as a text, whole, or 0 for unset."""


@pytest.mark.parametrize(
    ("way", "count"),
    [
        pytest.param(way, count, id=f"{way.name} {count[:9]}")
        for way in (EVOLINK, OPENAI, TOAPIS, GEMINI)
        for count in ODD
        if not (way is GEMINI and count in OF_PROTOBUF)
    ],
)
def test_a_count_that_is_none_is_refused(attacker: Attacker, way: Way, count: str) -> None:
    """A22: never rounded, never a hold."""
    attacker.refused({400}, "POST", way.submits, content=counted(way, count), headers=JSON)


@pytest.mark.parametrize(("way", "most"), [(EVOLINK, 4), (OPENAI, 10), (TOAPIS, 1), (GEMINI, 10)],
                         ids=lambda value: getattr(value, "name", str(value)))  # fmt: skip
def test_one_more_than_a_door_makes_is_refused(attacker: Attacker, way: Way, most: int) -> None:
    """A22: each door's own limit."""
    attacker.refused({400}, "POST", way.submits, content=counted(way, str(most + 1)), headers=JSON)


def test_where_there_is_no_count_none_is_taken(attacker: Attacker) -> None:
    """A22: GMI's door makes one image an order; a count that it does not know buys no second one."""
    body = GMI.spell(Wish())
    body["payload"] |= {"n": 10, "num_images": 10}
    answer = attacker.submit(GMI, {**body, "n": 10})
    row = attacker.books.generation(answer.headers["x-easel-generation"])
    assert (row["count"], row["image_tokens"]) == (1, 1290)
    eventually(lambda: attacker.books.wallet()[1] == 0)


@pytest.mark.parametrize("field", ["temperature", "top_p"])
@pytest.mark.parametrize("value", ["-1", "1e3", "true", '"1"', "[1]", "9" * 30])
def test_numbers_that_are_out_of_range_are_refused(attacker: Attacker, field: str, value: str) -> None:
    """A22: of GMI's door, whose numbers are others."""
    body = GMI.spell(Wish())
    body["payload"][field] = "<value>"
    content = json.dumps(body).replace('"<value>"', value).encode()
    attacker.refused({400}, "POST", GMI.submits, content=content, headers=JSON)


# ---- A23: idempotency keys ---------------------------------------------------------------------

CONFLICT = {"evolink": 409}
BAD = {"300 letters": "k" * 300, "a tab": "a\tb", "no ASCII": "schl\xfcssel", "another control": "a\x1fb"}


def keyed(
    attacker: Attacker, way: Way, idempotency: str, prompt: str = "A lamp", key: str = ""
) -> httpx2.Response:
    headers = {"Idempotency-Key": idempotency.encode("latin-1")}
    return attacker.submit(way, way.spell(Wish(prompt)), key or None, headers=headers)


@pytest.fixture
def own(attacker: Attacker, request: pytest.FixtureRequest) -> Iterator[str]:
    """An idempotency key of the test's own."""
    yield f"own {request.node.name}"
    attacker.books.settled()


def test_another_order_under_the_same_key_is_refused_at_every_door(
    attacker: Attacker, way: Way, own: str
) -> None:
    """A23: and says nothing about the first one."""
    first = keyed(attacker, way, own)
    assert first.status_code == 200, first.text
    attacker.books.settled()
    before = attacker.state()
    for door in DOORS.values():
        other = keyed(attacker, door, own, "Something else")
        assert other.status_code == CONFLICT.get(door.name, 422), (door.name, other.text)
        assert first.headers["x-easel-generation"] not in sentence(other)
    assert attacker.state() == before


def test_teams_and_modes_have_keys_of_their_own(attacker: Attacker, way: Way, own: str) -> None:
    """A23: the same word elsewhere is another word."""
    stranger = make_cast()
    stranger.credit(1)
    keys = (attacker.key, attacker.cast.key("test"), stranger.key(), stranger.key("test"))
    made = [keyed(attacker, way, own, key=key) for key in keys]
    assert [answer.status_code for answer in made] == [200] * 4
    assert len({answer.headers["x-easel-generation"] for answer in made}) == 4
    assert not [answer for answer in made if "idempotency-replayed" in answer.headers]


@pytest.mark.parametrize("what", BAD)
def test_a_key_of_a_bad_form_is_refused_at_every_door(attacker: Attacker, way: Way, what: str) -> None:
    """A23: 255 printable ASCII letters are enough for everybody."""
    before = attacker.state()
    answer = keyed(attacker, way, BAD[what])
    assert answer.status_code == 400, answer.text
    if "Invalid HTTP request" not in answer.text:  # the server's own parser has the first word on bytes
        assert "Idempotency-Key" in sentence(answer)
    assert attacker.state() == before


def test_twins_at_one_moment_at_all_doors_are_one_order(attacker: Attacker, own: str) -> None:
    """A23: the same meaning under the same key, four times at each door."""
    before = attacker.books.wallet()[0]
    doors = [EVOLINK, OPENAI, GEMINI]
    answers = at_once(12, lambda turn: keyed(attacker, doors[turn % 3], own))
    assert {answer.status_code for answer in answers} == {200}, [answer.text[:200] for answer in answers]
    assert len({answer.headers["x-easel-generation"] for answer in answers}) == 1
    attacker.books.settled()
    assert attacker.books.wallet() == (before - IMAGE, 0)
