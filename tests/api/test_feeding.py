"""How lines of a batch become generations, step by step, in a house where nobody else works."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from accounts.actions import keys
from accounts.models import ApiKey
from generations.actions import batches, finish
from generations.actions.claim import claim
from generations.batches import feeding
from tests.cast import BY, IMAGE, Cast
from tests.flows.wire import MODEL, Books
from tests.law.team import order


@pytest.fixture
def quiet(quiet_database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(quiet_database, autocommit=True) as admin:
        yield admin


@pytest.fixture
def key(quiet: psycopg.Connection[Any], cast: Cast) -> ApiKey:
    cast.credit(60)
    row, _ = keys.create(organization=cast.organization, mode="live", name="batch", by=BY)
    return row


def batch_of(cast: Cast, key: ApiKey, size: int, **body: Any) -> Any:
    order = {"model": MODEL, "prompt": "A fox", **body}
    lines = [batches.Line(n, f"c{n}", "", "", order) for n in range(1, size + 1)]
    return batches.create(organization=cast.organization, mode="live", key=key.pk, lines=lines, by=BY)


def states(cast: Cast, quiet: psycopg.Connection[Any], batch: Any) -> dict[str, int]:
    rows = quiet.execute(
        "SELECT coalesce(g.state, i.state), count(*) FROM generations_batchitem i"
        " LEFT JOIN generations_generation g ON g.id = i.generation_id WHERE batch_id = %s GROUP BY 1",
        (batch.pk,),
    )
    return dict(rows.fetchall())


def wallet(cast: Cast, quiet: psycopg.Connection[Any]) -> tuple[int, int]:
    return Books(quiet, cast.organization).wallet()


def test_a_few_of_each_batch_are_submitted_at_a_time(cast: Cast, key: ApiKey, quiet: Any) -> None:
    first, second = batch_of(cast, key, 30), batch_of(cast, key, 2)
    assert feeding.run() == feeding.BITE + 2
    assert states(cast, quiet, first) == {"queued": 25, "waiting": 5}
    assert states(cast, quiet, second) == {"queued": 2}
    feeding.run()
    assert states(cast, quiet, first) == {"queued": 30}
    assert feeding.run() == 0
    assert wallet(cast, quiet) == (60 * IMAGE, 32 * IMAGE)
    rows = quiet.execute("SELECT count(*) FROM generations_batch WHERE fed_at IS NULL").fetchone()
    assert rows == (0,)


def test_the_rest_is_cancelled_and_released(cast: Cast, key: ApiKey, quiet: Any) -> None:
    batch = batch_of(cast, key, 30)
    feeding.run()
    batches.cancel(batch=batch, by=BY)
    for _ in range(3):
        feeding.run()
    assert states(cast, quiet, batch) == {"cancelled": 30}
    assert wallet(cast, quiet) == (60 * IMAGE, 0)


def test_without_credit_an_item_fails_and_the_others_go_on(cast: Cast, key: ApiKey, quiet: Any) -> None:
    batch = batch_of(cast, key, 7, count=10)
    feeding.run()
    assert states(cast, quiet, batch) == {"queued": 6, "refused": 1}


def test_a_revoked_key_pays_no_more(cast: Cast, key: ApiKey, quiet: Any) -> None:
    batch = batch_of(cast, key, 3)
    keys.revoke(key=key, reason="over", by=BY)
    feeding.run()
    assert states(cast, quiet, batch) == {"refused": 3}
    kinds = quiet.execute("SELECT DISTINCT kind FROM generations_batchitem WHERE batch_id = %s", (batch.pk,))
    assert kinds.fetchall() == [("key_disabled",)]


def test_what_is_not_done_in_its_time_is_given_up(cast: Cast, key: ApiKey, quiet: Any) -> None:
    batch = batch_of(cast, key, 3)
    quiet.execute(
        "UPDATE generations_batch SET deadline_at = now() - interval '1 second' WHERE id = %s", (batch.pk,)
    )
    feeding.run()
    assert states(cast, quiet, batch) == {"refused": 3}


def test_a_key_at_its_limit_waits(cast: Cast, quiet: Any, key: ApiKey) -> None:
    keys.edit(key=key, changes={"concurrency": 2}, by=BY)
    batch = batch_of(cast, key, 4)
    feeding.run()
    assert states(cast, quiet, batch) == {"queued": 2, "waiting": 2}
    batches.cancel(batch=batch, by=BY)
    feeding.run()


def clear(quiet: psycopg.Connection[Any]) -> None:
    """Nothing waits any more."""
    for organization, generation in quiet.execute(
        "SELECT organization_id, id FROM generations_generation WHERE hold = 'open'"
    ).fetchall():
        finish.cancel(organization, generation)


def test_people_come_first_and_batches_get_on(cast: Cast, key: ApiKey, quiet: Any) -> None:
    """J9: an order of a moment ago passes a batch of a minute ago; after ten minutes the oldest of the
    batch stand in line themselves, a few at a time."""
    clear(quiet)
    batch = batch_of(cast, key, 25)
    feeding.run()
    person = order(cast.organization.pk, 1, mode="live", key="", waits=False).generation.pk
    assert [one.id for one in claim("drain", 1)] == [person]
    assert batches.age() == 0
    quiet.execute(
        "UPDATE generations_generation SET run_after = run_after - interval '11 minutes'"
        " WHERE priority < 0 AND state = 'queued'"
    )
    assert batches.age() == batches.PROMOTED
    order(cast.organization.pk, 1, mode="live", key="", waits=False)
    (next_one,) = claim("drain", 1)
    found = quiet.execute("SELECT 1 FROM generations_batchitem WHERE generation_id = %s", (next_one.id,))
    assert found.fetchone() == (1,)
    clear(quiet)
    assert states(cast, quiet, batch) == {"cancelled": 25}
