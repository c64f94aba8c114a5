"""One Idempotency-Key is one order: among fifty clients, in any spelling, at either door, for two days."""

from __future__ import annotations

from collections import Counter
from typing import Any

import psycopg
import pytest

from tests.cast import IMAGE, Cast
from tests.flows.crowd import Crowd, statuses
from tests.flows.wire import DOORS, EVOLINK, OPENAI, Books, Door, eventually


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
@pytest.mark.parametrize(
    "key", ["k" * 300, "k" * 256, "a\tb", "schlüssel"], ids=["300", "256", "tab", "umlaut"]
)
def test_a_key_that_is_too_long_or_not_printable_is_a_bad_request(
    url: str, cast: Cast, books: Books, door: Door, key: str
) -> None:
    cast.credit(1)
    refused = door.post(url, cast.key(), headers={"Idempotency-Key": key.encode("latin-1")})
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
