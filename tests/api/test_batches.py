"""Batches (J10): a file in, an item's fate each, what was delivered is charged, the rest is cancelled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from accounts.actions import keys
from accounts.models import ApiKey
from generations.actions import batches
from generations.actions.claim import claim
from generations.batches import feeding
from runtime.tenancy import tenant
from tests.api.conftest import MANAGE
from tests.api.office import Office
from tests.cast import BY, IMAGE, Cast
from tests.flows.wire import CLIENT, MODEL, Books, eventually

BODIES = {
    "": {"model": MODEL, "prompt": "A neutral fox", "ratio": "16:9", "count": 2},
    "evolink": {"model": MODEL, "prompt": "A fox of EvoLink", "size": "16:9"},
    "openai": {"model": MODEL, "prompt": "A fox of OpenAI", "n": 2},
    "toapis": {"model": MODEL, "prompt": "A fox of ToAPIs", "size": "1:1"},
    "gmi": {"model": MODEL, "payload": {"prompt": "A fox of GMI"}},
}
GEMINI = {"contents": [{"parts": [{"text": "A fox of Gemini"}]}]}


def jsonl(*lines: Any) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def lines_of(count: int, prompt: str = "A fox") -> bytes:
    return jsonl(*({"custom_id": f"c{n}", "body": {"model": MODEL, "prompt": prompt}} for n in range(count)))


def send(office: Office, data: bytes, **query: Any) -> Any:
    return office.send(
        "POST", "batches", content=data, params=query, headers={"Content-Type": "application/jsonl"}
    )


def made(office: Office, data: bytes, **query: Any) -> dict[str, Any]:
    answer = send(office, data, **query)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def through(office: Office, batch: dict[str, Any]) -> dict[str, Any]:
    """The batch when nothing of it goes on."""
    path = f"batches/{batch['id']}"
    return eventually(lambda: told if (told := office.get(path))["counts"]["succeeded"] + told["counts"]["failed"]
                      + told["counts"]["cancelled"] == told["size"] else None, 60)  # type: ignore[return-value]  # fmt: skip


@pytest.fixture
def maker(cast: Cast, url: str) -> Office:
    """A key that generates."""
    return Office(url, cast.key())


def test_a_file_of_every_door_becomes_pictures(
    cast: Cast, maker: Office, office: Office, books: Books
) -> None:
    cast.credit(20)
    rows = [
        {"custom_id": f"{door or 'neutral'}", "dialect": door, "body": body} for door, body in BODIES.items()
    ]
    rows[0].pop("dialect")
    rows.append({"custom_id": "gemini", "dialect": "gemini", "body": GEMINI,
                 "path": f"/v1beta/models/{MODEL}:generateContent"})  # fmt: skip
    rows.append({"custom_id": "bad", "body": {"model": MODEL, "prompt": "test:fail"}})
    batch = made(maker, jsonl(*rows), name="Foxes")
    assert (batch["size"], batch["state"], batch["name"]) == (7, "running", "Foxes")
    done = through(office, batch)
    assert done["state"] == "completed"
    assert done["counts"] == {
        "waiting": 0,
        "queued": 0,
        "running": 0,
        "succeeded": 6,
        "failed": 1,
        "cancelled": 0,
    }
    assert done["tokens"] == 8 * 1290
    assert done["finished_at"] is not None
    assert sum(entry["amount"] for entry in books.entries("settle")) == 8 * IMAGE

    results = office.send("GET", f"batches/{batch['id']}/results")
    assert results.headers["content-type"] == "application/jsonl"
    found = {line["custom_id"]: line for line in map(json.loads, results.text.splitlines())}
    assert list(found) == [row["custom_id"] for row in rows]
    assert {name: line["state"] for name, line in found.items() if line["state"] != "succeeded"} == {
        "bad": "failed"
    }
    assert len(found["openai"]["images"]) == len(found["neutral"]["images"]) == 2
    assert CLIENT.get(found["gemini"]["images"][0]["url"]).status_code == 200
    assert [line["custom_id"] for line in office.pages(f"batches/{batch['id']}/items", limit=3)] == list(
        found
    )
    doors = {row["order"]["prompt"]: row["dialect"] for row in books.generations()}
    assert doors["A fox of GMI"] == "gmi"
    assert doors["A neutral fox"] == "openai"  # the key's home door
    assert office.get("batches")["data"][0]["id"] == batch["id"]


def test_a_thousand_lines_are_taken_and_one_more_is_not(cast: Cast, maker: Office, office: Office) -> None:
    batch = made(maker, lines_of(1000))  # without credit: each is refused, and says so
    done = through(office, batch)
    assert (done["counts"]["failed"], done["tokens"], done["state"]) == (1000, 0, "completed")
    items = list(office.pages(f"batches/{batch['id']}/items", limit=100))
    assert {item["kind"] for item in items} == {"no_credit"}
    assert [item["line"] for item in items] == list(range(1, 1001))
    answer = send(maker, lines_of(1001))
    assert (answer.status_code, answer.json()["errors"][0]["line"]) == (400, 1001)


BAD: dict[str, tuple[Any, str]] = {
    "no JSON": (b"{nonsense\n", ""),
    "no object": (b"[1]\n", ""),
    "unknown member": ({"body": {}, "priority": 9}, "priority"),
    "no body": ({"custom_id": "x"}, "body"),
    "unknown door": ({"dialect": "smtp", "body": {}}, "dialect"),
    "no prompt": ({"body": {"model": MODEL}}, "body.prompt"),
    "no model": ({"body": {"prompt": "x"}}, "body.model"),
    "unknown model": ({"body": {"model": "dall-e-9", "prompt": "x"}}, "body.model"),
    "unknown field": ({"body": {"model": MODEL, "prompt": "x", "price": 0}}, "body.price"),
    "too many": ({"body": {"model": MODEL, "prompt": "x", "count": 11}}, "body.count"),
    "no such size": ({"body": {"model": MODEL, "prompt": "x", "ratio": "7:1"}}, "body.ratio"),
    "a door's own rule": (
        {"dialect": "openai", "body": {"model": MODEL, "prompt": "x", "n": "two"}},
        "body.n",
    ),
    "no paid path": ({"dialect": "openai", "path": "/v1/models", "body": {}}, "body.path"),
    "a path that needs its model": ({"dialect": "gemini", "body": GEMINI}, "body.path"),
    "custom id": ({"custom_id": 5, "body": {}}, "custom_id"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_file_with_a_wrong_line_is_not_taken(maker: Office, books: Books, what: str) -> None:
    line, field = BAD[what]
    good = {"body": {"model": MODEL, "prompt": "fine"}}
    data = jsonl(good) + (line if isinstance(line, bytes) else jsonl(line))
    answer = send(maker, data)
    assert answer.status_code == 400, answer.text
    (error,) = answer.json()["errors"]
    assert (error["line"], error["field"]) == (2, field), error
    assert books.count("generations_batch") == books.count("generations_batchitem") == 0


def test_names_are_used_once_and_a_file_is_not_empty(maker: Office) -> None:
    line = {"custom_id": "x", "body": {"model": MODEL, "prompt": "fine"}}
    assert send(maker, jsonl(line, line)).json()["errors"][0]["field"] == "custom_id"
    assert send(maker, b"\n \n").status_code == 400
    assert send(maker, b"").status_code == 400
    assert send(maker, jsonl(line), dialect="smtp").status_code == 400
    wrong_type = maker.send("POST", "batches", json=line)
    assert wrong_type.status_code == 415


def test_a_key_makes_no_more_than_it_may(cast: Cast, url: str) -> None:
    reader = Office(url, cast.key(scopes=("images:read",)))
    assert send(reader, lines_of(1)).status_code == 403
    narrow = Office(url, cast.key(doors_allowed=("gmi",)))
    line = {"dialect": "openai", "body": BODIES["openai"]}
    assert send(narrow, jsonl(line)).json()["errors"][0]["field"] == "dialect"


# ---- in a house without janitor and cluster: each step by hand ----


@pytest.fixture
def quiet(quiet_database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(quiet_database, autocommit=True) as admin:
        yield admin


@pytest.fixture
def key(quiet: psycopg.Connection[Any], cast: Cast) -> ApiKey:
    cast.credit(60)
    row, _ = keys.create(organization=cast.organization, mode="live", name="batch", by=BY)
    return row


def batch_of(cast: Cast, key: ApiKey, count: int, **body: Any) -> Any:
    order = {"model": MODEL, "prompt": "A fox", **body}
    lines = [batches.Line(n, f"c{n}", "", "", order) for n in range(1, count + 1)]
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
    with tenant(cast.organization):
        batches.cancel(batch=batch, by=BY)
    feeding.run()


def clear(quiet: psycopg.Connection[Any]) -> None:
    """Nothing waits any more."""
    from generations.actions import finish

    for organization, generation in quiet.execute(
        "SELECT organization_id, id FROM generations_generation WHERE hold = 'open'"
    ).fetchall():
        finish.cancel(organization, generation)


def test_people_come_first_and_batches_get_on(cast: Cast, key: ApiKey, quiet: Any) -> None:
    """J9: an order of a moment ago passes a batch of a minute ago; after ten minutes the oldest of the
    batch stand in line themselves, a few at a time."""
    from tests.law.team import order

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


def test_members_in_the_pages_name_the_key_that_pays(office: Office) -> None:
    """A management key is no member: it makes no batch, whatever it names."""
    assert MANAGE
    assert send(office, lines_of(1), key="01a00000-0000-7000-8000-000000000001").status_code == 403
