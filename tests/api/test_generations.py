"""Generations looked back at: lists, one of them whole, its end, its pictures, its progress."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from generations import listing
from generations.actions import contests
from generations.listing import CallFilters, Filters
from generations.models import Contest
from runtime.tenancy import tenant
from tests.api.office import Office
from tests.api.test_money import make
from tests.cast import BY, Cast
from tests.flows.wire import CLIENT, EVOLINK, Books, eventually


@pytest.fixture
def key(cast: Cast) -> str:
    cast.credit(20)
    return cast.key()


def slow(office: Office, key: str, seconds: int = 60) -> str:
    """A generation that goes on for a while; its EvoLink id."""
    answer = EVOLINK.post(office.url, key, EVOLINK.order(f"test:slow={seconds}"))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def test_a_list_is_filtered(office: Office, cast: Cast, key: str) -> None:
    fox, lamp = make(office, key, prompt="A red FOX"), make(office, key, prompt="A lamp")
    failed = EVOLINK.post(office.url, key, EVOLINK.order("test:fail")).json()["id"]
    eventually(lambda: office.get(f"generations/{failed}")["state"] == "failed")
    other = make(office, cast.key(), prompt="A lamp too")
    everything = [one["id"] for one in office.pages("generations", limit=2)]
    assert everything[0] == other
    assert everything[2:] == [lamp, fox]
    ids = lambda **query: [one["id"] for one in office.pages("generations", limit=1, **query)]  # noqa: E731
    assert ids(text="red fox") == [fox]
    assert ids(text="%") == []
    assert ids(state="failed") == [everything[1]]
    assert ids(dialect="evolink") == [everything[1]]
    assert ids(model="gemini-2.5-flash-image", state="succeeded") == [other, lamp, fox]
    assert ids(key=office.get(f"generations/{other}")["key_id"]) == [other]
    assert ids(to="2020-01-01") == []
    assert ids(**{"from": "2020-01-01"}) == everything


def test_a_scan_goes_on_where_it_stopped(
    office: Office, cast: Cast, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A filter without an index looks at so many rows at a time, and misses none."""
    made = [make(office, key, prompt=f"picture {number % 3}") for number in range(6)]
    monkeypatch.setattr(listing, "SCANNED", 2)
    found, before = [], None
    for _ in range(10):
        page = listing.page(cast.organization, "live", Filters(text="picture 0"), before=before, size=5)
        found += [str(item.row.pk) for item in page.items]
        before = page.following
        if before is None:
            break
    assert found == [made[3], made[0]]


def test_the_number_of_queries_is_constant(office: Office, cast: Cast, key: str) -> None:
    counted = []
    for _ in range(2):
        for _ in range(2):
            make(office, key)
        with CaptureQueriesContext(connection) as queries:
            listing.page(cast.organization, "live", Filters(text="lamp"), size=50)
            listing.calls(cast.organization, "live", CallFilters(), size=50)
        counted.append(len(queries))
    assert counted[0] == counted[1]


def test_one_is_told_whole_by_any_of_its_names(office: Office, key: str) -> None:
    generation = make(office, key, 2, prompt="A fox")
    told = office.get(f"generations/{generation}")
    assert (told["state"], told["prompt"], told["delivered"], told["tokens"]) == (
        "succeeded",
        "A fox",
        2,
        2580,
    )
    assert told["cost_usd"] == "0.0774"
    assert [entry["kind"] for entry in told["ledger"]] == ["hold", "settle"]
    (attempt,) = told["attempts"]
    assert (attempt["outcome"], attempt["images"]) == ("succeeded", 2)
    words = [event["event"] for event in told["timeline"]]
    assert {"request", "state", "attempt", "ledger"} <= set(words)
    assert [event["at"] for event in told["timeline"]] == sorted(event["at"] for event in told["timeline"])
    for handle in told["handles"].values():
        assert office.get(f"generations/{handle}")["id"] == generation
    picture = CLIENT.get(told["images"][0]["url"])
    assert (picture.status_code, len(picture.content)) == (200, told["images"][0]["bytes"])


def test_it_is_cancelled_once(office: Office, key: str, books: Books) -> None:
    task = slow(office, key)
    told = office.do("POST", f"generations/{task}/cancel")
    assert (told["state"], told["can_cancel"]) == ("cancelled", False)
    assert office.do("POST", f"generations/{task}/cancel")["state"] == "cancelled"
    assert [entry["kind"] for entry in books.entries("release", "settle")] == ["release"]
    done = make(office, key)
    office.refused(409, "not_cancellable", "POST", f"generations/{done}/cancel", json={})


def test_bad_pictures_are_reported_once_and_the_detail_says_what_became_of_it(
    office: Office, cast: Cast, key: str
) -> None:
    generation = make(office, key)
    assert office.get(f"generations/{generation}")["contest"] is None
    told = office.do("POST", f"generations/{generation}/contest", {"reason": "It is grey"})
    assert (told["state"], told["reason"], told["decided_at"]) == ("open", "It is grey", None)
    assert office.do("POST", f"generations/{generation}/contest", {}) == told
    with tenant(cast.organization):
        asked = Contest.objects.of(cast.organization).get(generation_id=generation)
    contests.refund(contest=asked, tokens=1290, reason="It is grey indeed.", by=BY)
    told = office.get(f"generations/{generation}")
    assert (told["contest"]["state"], told["contest"]["answer"]) == ("refunded", "It is grey indeed.")
    assert [entry["kind"] for entry in told["ledger"]] == ["hold", "settle", "refund"]


def test_what_cannot_be_reported_says_why(office: Office, cast: Cast, key: str) -> None:
    live = slow(office, key)
    problem = office.refused(409, "conflict", "POST", f"generations/{live}/contest", json={})
    assert problem["detail"] == "Only delivered images can be reported."
    done = make(office, key)
    long = {"reason": "x" * 501}
    office.refused(400, "bad_request", "POST", f"generations/{done}/contest", json=long)
    reader = Office(office.url, cast.key(scopes=("manage:read",)))
    reader.refused(403, "forbidden", "POST", f"generations/{done}/contest", json={})


def test_deleted_pictures_are_gone_and_the_ledger_knows_nothing(
    office: Office, key: str, books: Books
) -> None:
    generation = make(office, key, 2)
    links = [image["url"] for image in office.get(f"generations/{generation}/links")["data"]]
    before = books.entries("hold", "settle", "release", "refund")
    assert office.do("DELETE", f"generations/{generation}/outputs") == {"images": 2}
    assert [CLIENT.get(link).status_code for link in links] == [410, 410]
    assert office.do("DELETE", f"generations/{generation}/outputs") == {"images": 0}
    assert books.entries("hold", "settle", "release", "refund") == before
    told = office.get(f"generations/{generation}")
    assert (told["images"], told["delivered"], told["tokens"]) == ([], 2, 2580)


def test_revoked_links_are_worthless_and_new_ones_work(office: Office, key: str) -> None:
    generation = make(office, key)
    (old,) = office.get(f"generations/{generation}/links")["data"]
    (new,) = office.do("POST", f"generations/{generation}/links/revoke")["data"]
    assert CLIENT.get(old["url"]).status_code == 410
    assert CLIENT.get(new["url"]).status_code == 200


def events_of(answer: Any) -> list[tuple[str, dict[str, Any]]]:
    """The events of a stream that has ended."""
    found = []
    for block in answer.text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "event" in lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


def test_progress_is_told_as_it_happens(office: Office, key: str) -> None:
    task = slow(office, key, 2)
    answer = office.send("GET", f"generations/{task}/events")
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["cache-control"] == "no-store"
    events = events_of(answer)
    assert [name for name, _ in events][-1] == "final"
    assert len(events) > 1
    shares = [told["progress"] for _, told in events]
    assert shares == sorted(shares)
    final = events[-1][1]
    assert (final["state"], final["tokens"]) == ("succeeded", 1290)
    assert CLIENT.get(final["images"][0]["url"]).status_code == 200
    assert [name for name, _ in events_of(office.send("GET", f"generations/{task}/events"))] == ["final"]


def test_generations_as_csv(office: Office, key: str) -> None:
    make(office, key, prompt="=cmd|' /C calc'!A0")
    make(office, key, prompt="-1+2 \U0001f98a")
    answer = office.send("GET", "generations", params={"format": "csv", "timezone": "Asia/Kathmandu"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["prompt"] for row in rows] == ["'-1+2 \U0001f98a", "'=cmd|' /C calc'!A0"]
    assert {(row["cost_usd"], row["delivered"], row["state"]) for row in rows} == {
        ("0.0387", "1", "succeeded")
    }
    assert rows[0]["created_at"].endswith("+05:45")


def test_calls_are_listed_filtered_and_shown(office: Office, key: str, books: Books) -> None:
    generation = make(office, key)
    refused = EVOLINK.post(office.url, key, {"model": "nothing"}).headers["x-request-id"]
    books.requests(refused)
    ids = lambda **query: [call["request_id"] for call in office.pages("requests", limit=2, **query)]  # noqa: E731
    (call,) = office.get("requests", generation=generation)["data"]
    assert (call["door"], call["status"], call["method"]) == ("openai", 200, "POST")
    assert office.get(f"requests/{call['id']}") == call
    assert ids(request_id=refused) == [refused]
    assert ids(door="evolink") == [refused]
    assert refused in ids(status_class="4xx")
    assert refused not in ids(status=200)
    assert set(ids(ip="192.0.2.1")) == set()
    assert len(ids(door="management")) > 3
    assert ids(to="2020-01-01") == []


def test_models_have_their_sizes_and_prices(office: Office) -> None:
    found = {model["model"]: model for model in office.get("models")["data"]}
    flash = found["gemini-2.5-flash-image"]
    assert flash["token_usd"] == "0.00003"
    assert "nano-banana-beta" in flash["names"]["evolink"]
    sizes = {(size["resolution"], size["ratio"]): size for size in flash["sizes"]}
    assert sizes["1K", "1:1"]["tokens"] == 1290
    assert sizes["1K", "1:1"]["cost_usd"] == "0.0387"


def test_every_exact_filter_has_its_index(superuser: psycopg.Connection[Any]) -> None:
    """Which one the planner takes depends on how many rows there are; that they are there does not."""
    rows = superuser.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'generations_generation'"
    )
    found = dict(rows.fetchall())
    assert "(organization_id, mode, key_id, id DESC)" in found["generations_of_key"]
    assert "(organization_id, mode, state, id DESC) WHERE" in found["generations_not_delivered"]
