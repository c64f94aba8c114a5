"""Twenty answers in words an hour are free for a key; then it waits."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest

from generations.actions import finish, texts
from generations.spec import Kind
from tests.cast import Cast
from tests.work import started


@pytest.fixture(autouse=True)
def _anew() -> None:
    texts._fine.clear()


def answered(cast: Cast, superuser: psycopg.Connection, count: int, kind: Kind = Kind.NO_IMAGE) -> UUID:
    """So many generations of one new key ended with this kind. Gives the key."""
    keys: list[UUID] = []
    for _ in range(count):
        made = started(cast)
        assert made.claimed
        assert finish.fail(made.claimed, kind, "words")
        assert made.generation.key_id
        keys.append(made.generation.key_id)
    superuser.execute("UPDATE generations_generation SET key_id = %s WHERE key_id = ANY(%s)", (keys[0], keys))
    return keys[0]


def test_the_twentieth_answer_in_words_makes_a_key_wait(cast: Cast, superuser: psycopg.Connection) -> None:
    key = answered(cast, superuser, 19)
    assert texts.too_many_texts(cast.organization.pk, key) is None
    other = answered(cast, superuser, 1)
    superuser.execute("UPDATE generations_generation SET key_id = %s WHERE key_id = %s", (key, other))
    texts._fine.clear()
    wait = texts.too_many_texts(cast.organization.pk, key)
    assert wait is not None
    assert 3500 < wait <= 3600
    assert texts.too_many_texts(cast.organization.pk, other) is None


def test_an_hour_later_it_may_ask_again(cast: Cast, superuser: psycopg.Connection) -> None:
    key = answered(cast, superuser, 20)
    earlier = "UPDATE generations_generation SET finished_at = finished_at - interval '61 minutes'"
    superuser.execute(f"{earlier} WHERE key_id = %s", (key,))
    assert texts.too_many_texts(cast.organization.pk, key) is None


def test_other_failures_are_not_counted(cast: Cast, superuser: psycopg.Connection) -> None:
    key = answered(cast, superuser, 20, Kind.CONTENT_BLOCKED)
    assert texts.too_many_texts(cast.organization.pk, key) is None
