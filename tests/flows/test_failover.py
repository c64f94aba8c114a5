"""Two providers: what one does not bring, the other does, and nobody pays twice."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2
import psycopg
import pytest

from generations import channels
from tests.cast import IMAGE, Cast
from tests.flows.wire import OPENAI, Books
from tests.house import Servers
from tests.upstreams import openai as relays
from tests.upstreams.gemini import KEY, Upstream

FIRST, SECOND = "gemini-environment", "openai-environment"


@dataclass
class Rig:
    """A server with two providers, Google before a relay, and their rows."""

    url: str
    google: Upstream
    relay: relays.Upstream
    admin: psycopg.Connection[Any]

    def edit(self, name: str, **fields: Any) -> None:
        """Change a channel's row, and wait until every process has looked at it again."""
        changes = ", ".join(f"{field} = %s" for field in fields)
        update = f"UPDATE generations_channel SET {changes} WHERE name = %s"
        self.admin.execute(update, [*fields.values(), name])
        time.sleep(channels.FRESH_SECONDS + 0.1)

    def health(self, name: str) -> str:
        query = "SELECT health FROM generations_channel WHERE name = %s"
        row = self.admin.execute(query, [name]).fetchone()
        assert row
        return str(row[0])

    def mend(self) -> None:
        self.admin.execute(
            "UPDATE generations_channel SET enabled = true, health = 'healthy', concurrency = NULL"
        )
        self.admin.execute("UPDATE generations_channelmodel SET opened_at = NULL, input_cost = NULL")
        self.google.rules.clear()
        time.sleep(channels.FRESH_SECONDS + 0.1)


@pytest.fixture(scope="module")
def rig(servers: Servers, admin_url: str) -> Iterator[Rig]:
    servers.shared()
    with (
        Upstream.in_thread() as google,
        relays.Upstream.in_thread() as relay,
        psycopg.connect(admin_url, autocommit=True) as admin,
    ):
        web = servers.web(
            EASEL_GEMINI_API_KEY=KEY,
            EASEL_GEMINI_BASE_URL=google.url,
            EASEL_OPENAI_API_KEY=relays.KEY,
            EASEL_OPENAI_BASE_URL=relay.url,
        )
        yield Rig(web.url, google, relay, admin)
        web.stop()
        admin.execute("DELETE FROM generations_channelmodel")
        admin.execute("DELETE FROM generations_channel")
        time.sleep(channels.FRESH_SECONDS + 0.1)


@pytest.fixture
def mended(rig: Rig) -> Iterator[Rig]:
    """The rig; whatever is done to its channels is undone at the end."""
    yield rig
    rig.mend()


@pytest.fixture
def key(cast: Cast) -> str:
    """A live key with credit for ten images."""
    cast.credit(10)
    return cast.key()


@pytest.fixture
def prompt() -> str:
    return f"A lamp {uuid4().hex}"


def draw(rig: Rig, key: str, prompt: str, **fields: Any) -> httpx2.Response:
    return OPENAI.post(rig.url, key, OPENAI.order(prompt, **fields))


def told(rig: Rig, prompt: str) -> tuple[int, int]:
    """How often Google and the relay were asked for this."""
    return rig.google.calls.prompts[prompt], sum(prompt in call.fields["prompt"] for call in rig.relay.calls)


def calls(books: Books) -> list[tuple[str, str]]:
    """Channel and kind of every call of the one attempt there was."""
    (attempt,) = books.attempts(books.only()["id"])
    return [(call["channel"], call["kind"]) for call in attempt["calls"]]


@pytest.mark.parametrize("word", ["503", "reset", "badjson", "429=30", "notimage", "plain", "shape"])
def test_what_the_first_does_not_bring_the_second_does_in_the_same_attempt(
    rig: Rig, key: str, books: Books, prompt: str, word: str
) -> None:
    rig.google.program(f"stub:{word}", prompt=prompt)
    answer = draw(rig, key, prompt)

    assert answer.status_code == 200, answer.text
    assert told(rig, prompt) == (1, 1)
    kind = "rate_limited" if word.startswith("429") else "upstream_error"
    assert calls(books) == [(FIRST, kind), (SECOND, "")]
    assert books.wallet() == (9 * IMAGE, 0)
    assert len(books.entries("settle")) == 1


def test_a_key_that_is_refused_takes_its_channel_out_and_the_other_serves(
    mended: Rig, key: str, books: Books, prompt: str
) -> None:
    mended.google.program("stub:bad_key", prompt=prompt)
    assert draw(mended, key, prompt).status_code == 200
    assert calls(books) == [(FIRST, "misconfigured"), (SECOND, "")]
    assert (mended.health(FIRST), mended.health(SECOND)) == ("misconfigured", "healthy")


def test_each_is_tried_at_most_once_for_a_generation(rig: Rig, key: str, books: Books, prompt: str) -> None:
    answer = draw(rig, key, f"{prompt} stub:500")
    assert answer.status_code == 502
    assert told(rig, f"{prompt} stub:500") == (1, 1)
    assert calls(books) == [(FIRST, "upstream_error"), (SECOND, "upstream_error")]
    assert [row["kind"] for row in books.entries("hold", "settle", "release")] == ["hold", "release"]
    assert books.wallet() == (10 * IMAGE, 0)


def test_a_bad_order_is_not_carried_from_one_to_the_next(
    rig: Rig, key: str, books: Books, prompt: str
) -> None:
    assert draw(rig, key, f"{prompt} stub:400").status_code == 400
    assert told(rig, f"{prompt} stub:400") == (1, 0)


def test_a_disabled_channel_is_never_called(mended: Rig, key: str, books: Books, prompt: str) -> None:
    mended.edit(SECOND, enabled=False)
    mended.google.program("stub:503", prompt=prompt)
    assert draw(mended, key, prompt).status_code == 200
    assert told(mended, prompt) == (2, 0), "the only one that is left is tried again"
    first, second = books.attempts(books.only()["id"])
    assert (first["outcome"], second["outcome"]) == ("retried", "succeeded")


def test_only_missing_images_are_bought_again(rig: Rig, key: str, books: Books, prompt: str) -> None:
    rig.google.program("stub:503", prompt=prompt)
    answer = draw(rig, key, prompt, n=3)
    assert len(answer.json()["data"]) == 3
    assert told(rig, prompt) == (4, 0)
    (attempt,) = books.attempts(books.only()["id"])
    assert (attempt["images"], attempt["surplus"]) == (3, 0)
    assert books.wallet() == (7 * IMAGE, 0)


def test_a_bad_image_among_good_ones_is_bought_again_and_charged_once(
    rig: Rig, key: str, books: Books, prompt: str
) -> None:
    rig.google.program("stub:plain", prompt=prompt)
    answer = draw(rig, key, prompt, n=2)
    assert len(answer.json()["data"]) == 2
    (attempt,) = books.attempts(books.only()["id"])
    assert "one_colour" in attempt["detail"]
    assert books.wallet() == (8 * IMAGE, 0)


def test_a_channel_has_no_more_calls_at_once_than_it_may(mended: Rig, cast: Cast, prompt: str) -> None:
    cast.credit(6)
    key = cast.key()
    mended.edit(FIRST, concurrency=1)
    mended.edit(SECOND, enabled=False)
    mended.google.calls.peak = 0
    body = json.dumps(OPENAI.order(f"{prompt} stub:slow=0.3"))
    with httpx2.Client(timeout=60) as client:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        url = f"{mended.url}/openai/v1/images/generations"
        with ThreadPoolExecutor(6) as threads:
            answers = list(threads.map(lambda _: client.post(url, content=body, headers=headers), range(6)))
    assert [answer.status_code for answer in answers] == [200] * 6
    assert mended.google.calls.peak == 1


def test_what_a_call_costs_us_is_on_its_attempt(mended: Rig, key: str, books: Books, prompt: str) -> None:
    mended.admin.execute(
        "UPDATE generations_channelmodel SET input_cost = 300, image_cost = 30000, text_cost = 0"
    )
    time.sleep(channels.FRESH_SECONDS + 0.1)
    assert draw(mended, key, prompt).status_code == 200
    (attempt,) = books.attempts(books.only()["id"])
    assert attempt["provider_cost"] == 300 * attempt["usage"]["prompt"] + 30_000 * 1290


def test_while_all_breakers_are_open_who_waits_at_the_door_is_told_at_once(
    mended: Rig, key: str, books: Books, prompt: str
) -> None:
    later = "clock_timestamp() + interval '1 hour'"
    mended.admin.execute(f"UPDATE generations_channelmodel SET opened_at = {later}, probed_at = {later}")
    time.sleep(channels.FRESH_SECONDS + 0.1)
    answer = draw(mended, key, prompt)
    assert answer.status_code in (503, 529), answer.text
    assert told(mended, prompt) == (0, 0)
    assert books.wallet() == (10 * IMAGE, 0)
