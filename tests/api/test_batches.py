"""Batches (J10): a file in, an item's fate each, what was delivered is charged, the rest is cancelled."""

from __future__ import annotations

import json
from typing import Any

import pytest

from accounts.models import ApiKey
from runtime.tenancy import tenant
from tests.api.office import Office
from tests.cast import IMAGE, Cast
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

    def ended() -> dict[str, Any]:
        told: dict[str, Any] = office.get(path)
        return told if told["state"] in ("completed", "cancelled") else {}

    return eventually(ended, 60)


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


@pytest.mark.slow
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


def test_a_management_key_makes_no_batch_whatever_it_names(cast: Cast, office: Office) -> None:
    with tenant(cast.organization):
        other = ApiKey.objects.of(cast.organization).values_list("pk", flat=True).first()
    assert send(office, lines_of(1), key=str(other)).status_code == 403


def test_a_batch_is_cancelled_over_the_api(cast: Cast, maker: Office, office: Office, books: Books) -> None:
    cast.credit(3)
    batch = made(maker, jsonl(*({"body": {"model": MODEL, "prompt": "test:slow=60"}} for _ in range(3))))
    eventually(lambda: office.get(f"batches/{batch['id']}")["counts"]["waiting"] == 0)
    told = office.do("POST", f"batches/{batch['id']}/cancel")
    assert told["state"] in ("cancelling", "cancelled")
    done = through(office, batch)
    assert (done["counts"]["cancelled"], done["state"], done["tokens"]) == (3, "cancelled", 0)
    assert books.wallet() == (3 * IMAGE, 0)
