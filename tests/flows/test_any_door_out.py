"""X8: a generation made at one door is told at every other, with the same bytes and the same bill."""

from __future__ import annotations

import pytest

from tests.cast import Cast
from tests.flows.five import EVOLINK, WAYS, Way, Wish, finished, hashes
from tests.flows.wire import Books

by_name = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)


@by_name
def test_what_one_door_made_every_door_tells(url: str, cast: Cast, way: Way) -> None:
    cast.credit(1)
    key = cast.key()
    made = way.post(url, key, Wish("A lamp on a table", "16:9"))
    assert made.status_code == 200, made.text
    generation = made.headers["x-easel-generation"]
    finished(url, key, generation)

    told = {out.name: out.read(url, key, generation) for out in WAYS}

    assert {name: answer.status_code for name, answer in told.items()} == {out.name: 200 for out in WAYS}
    seen = {out.name: hashes(out.pictures(told[out.name].json())) for out in WAYS}
    assert all(len(found) == 1 for found in seen.values()), seen
    assert len({tuple(found) for found in seen.values()}) == 1, seen
    assert {answer.headers["x-easel-tokens"] for answer in told.values()} == {"1290"}
    assert {answer.headers["x-easel-cost-usd"] for answer in told.values()} == {"0.0387"}


@by_name
def test_a_stranger_is_told_of_no_generation_at_any_door(url: str, cast: Cast, way: Way) -> None:
    cast.credit(1)
    made = way.post(url, cast.key(), Wish())
    generation = made.headers["x-easel-generation"]
    stranger = cast.strangers_key()
    for out in WAYS:
        told = out.read(url, stranger, generation)
        unknown = out.read(url, stranger, "01aa0000-0000-7000-8000-000000000000")
        assert told.status_code == unknown.status_code == 404
        assert told.json() == unknown.json()


@by_name
def test_what_one_door_made_every_door_lists(url: str, cast: Cast, books: Books, way: Way) -> None:
    cast.credit(2)
    key = cast.key()
    older, newer = (way.post(url, key, Wish(word)).headers["x-easel-generation"] for word in ("One", "Two"))
    for out in WAYS:
        told = out.list(url, key)
        assert told.status_code == 200, told.text
        seen = [out.read(url, key, one).headers["x-easel-generation"] for one in out.listed(told.json())]
        assert seen == [newer, older], out.name
        assert out.listed(out.list(url, cast.strangers_key()).json()) == []


@by_name
def test_every_door_cancels_what_another_took(url: str, cast: Cast, books: Books, way: Way) -> None:
    cast.credit(1)
    key = cast.key()
    taken = EVOLINK.post(url, key, Wish("A lamp test:slow=20")).headers["x-easel-generation"]
    assert way.cancel(url, cast.strangers_key(), taken).status_code == 404
    told, again = way.cancel(url, key, taken), way.cancel(url, key, taken)
    assert (told.status_code, again.status_code) == (200, 200), told.text
    assert told.headers["x-easel-generation"] == taken
    assert books.wallet() == (38_700_000, 0)
    assert EVOLINK.read(url, key, taken).json()["error"]["code"] == "request_cancelled"


@by_name
def test_no_door_cancels_what_is_done(url: str, cast: Cast, books: Books, way: Way) -> None:
    cast.credit(1)
    key = cast.key()
    made = EVOLINK.post(url, key, Wish()).headers["x-easel-generation"]
    finished(url, key, made)
    assert way.cancel(url, key, made).status_code == 409
    assert len(books.settled()) == 1
