"""The whole path with a real engine: a loopback Google that is as strict, and as bad, as it is asked."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2
import psycopg
import pytest
from PIL import Image

from generations import channels
from tests.cast import IMAGE, Cast
from tests.flows.wire import CLIENT, EVOLINK, OPENAI, TOKENS, Books, Door, eventually, places
from tests.house import Servers, free_port
from tests.upstreams.gemini import KEY, Upstream

CHANNEL = "gemini-environment"


@dataclass
class Rig:
    """A server whose live work goes to the loopback Google, and the channel's row."""

    url: str
    google: Upstream
    admin: psycopg.Connection[Any]

    def edit_channel(self, **fields: Any) -> None:
        """Change the channel's row, and wait until every process has looked at it again."""
        changes = ", ".join(f"{name} = %s" for name in fields)
        self.admin.execute(
            f"UPDATE generations_channel SET {changes} WHERE name = %s", [*fields.values(), CHANNEL]
        )
        time.sleep(channels.FRESH_SECONDS + 0.1)

    def channel(self) -> tuple[str, str]:
        """Its health, and what went wrong last."""
        query = "SELECT health, last_error FROM generations_channel WHERE name = %s"
        row = self.admin.execute(query, [CHANNEL]).fetchone()
        assert row is not None
        return row[0], row[1]

    def remove_channel(self) -> None:
        self.admin.execute("DELETE FROM generations_channelmodel")
        self.admin.execute("DELETE FROM generations_channel")
        time.sleep(channels.FRESH_SECONDS + 0.1)


@pytest.fixture(scope="module")
def rig(servers: Servers, admin_url: str) -> Iterator[Rig]:
    """The shared cluster and janitor serve it too: a channel is a row that all processes read."""
    servers.shared()
    with Upstream.in_thread() as google, psycopg.connect(admin_url, autocommit=True) as admin:
        web = servers.web(EASEL_GEMINI_API_KEY=KEY, EASEL_GEMINI_BASE_URL=google.url)
        rig = Rig(web.url, google, admin)
        yield rig
        web.stop()
        rig.remove_channel()


@pytest.fixture
def key(cast: Cast) -> str:
    """A live key with credit for ten images."""
    cast.credit(10)
    return cast.key()


@pytest.fixture
def prompt() -> str:
    """Words that nobody said before."""
    return f"A lamp {uuid4().hex}"


def ordered(rig: Rig, key: str, prompt: str, **fields: Any) -> str:
    """The id of a new evolink task."""
    return str(EVOLINK.post(rig.url, key, EVOLINK.order(prompt, **fields)).json()["id"])


def finished(rig: Rig, key: str, task: str) -> dict[str, Any]:
    """The evolink task when it is final."""

    def final() -> dict[str, Any] | None:
        found: dict[str, Any] = EVOLINK.read(rig.url, key, task).json()
        return found if found["status"] in ("completed", "failed") else None

    return eventually(final, 60)


def outcomes(books: Books) -> list[tuple[str, str]]:
    return [(row["outcome"], row["kind"]) for row in books.attempts(books.only()["id"])]


# ---- what goes well ------------------------------------------------------------------------------


def test_a_real_generation_is_stored_billed_and_traced(rig: Rig, key: str, books: Books, prompt: str) -> None:
    done = finished(rig, key, ordered(rig, key, prompt, size="16:9"))

    picture = CLIENT.get(done["results"][0])
    assert Image.open(io.BytesIO(picture.content)).size == (1344, 768)
    assert rig.google.calls.prompts[prompt] == 1
    assert done["usage"]["cost"]["usd"] == 0.0387
    assert books.wallet() == (9 * IMAGE, 0)
    (attempt,) = books.attempts(books.only()["id"])
    assert (attempt["provider"], attempt["channel"], attempt["outcome"]) == ("gemini", CHANNEL, "succeeded")
    assert attempt["upstream_model"] == "gemini-2.5-flash-image"
    assert attempt["upstream_request_id"].startswith("stub-")
    assert attempt["usage"]["output_images"] == TOKENS


def test_the_openai_door_gives_the_same_bytes_that_google_drew(
    rig: Rig, key: str, books: Books, prompt: str
) -> None:
    answer = OPENAI.post(rig.url, key, OPENAI.order(prompt, n=3)).json()

    assert rig.google.calls.prompts[prompt] == 3
    assert answer["usage"]["output_tokens"] == 3 * TOKENS
    stored = books.rows(
        "SELECT * FROM generations_output WHERE generation_id = %s ORDER BY number", books.only()["id"]
    )
    assert [row["bytes"] for row in stored] == [
        len(base64.b64decode(item["b64_json"])) for item in answer["data"]
    ]
    assert books.wallet() == (7 * IMAGE, 0)


def test_a_test_key_never_reaches_google(rig: Rig, cast: Cast, prompt: str) -> None:
    assert OPENAI.post(rig.url, cast.key("test"), OPENAI.order(prompt)).status_code == 200
    assert rig.google.calls.prompts[prompt] == 0


# ---- less than was asked ---------------------------------------------------------------------------


def test_two_of_three_images_are_settled_and_the_third_is_released(
    rig: Rig, key: str, books: Books, prompt: str
) -> None:
    answer = OPENAI.post(rig.url, key, OPENAI.order(f"{prompt} stub:partial=2", n=3))

    assert len(answer.json()["data"]) == 2
    assert answer.json()["usage"]["output_tokens"] == 2 * TOKENS
    assert answer.headers["x-easel-adjusted"] == "n 3 -> 2"
    assert answer.headers["x-easel-tokens"] == str(2 * TOKENS)
    moved = {row["kind"]: row["amount"] for row in books.entries("hold", "settle", "release")}
    assert moved == {"hold": 3 * IMAGE, "settle": 2 * IMAGE, "release": IMAGE}
    assert books.wallet() == (8 * IMAGE, 0)


def test_more_images_than_asked_are_neither_delivered_nor_charged(
    rig: Rig, key: str, books: Books, prompt: str
) -> None:
    answer = OPENAI.post(rig.url, key, OPENAI.order(f"{prompt} stub:two"))

    assert len(answer.json()["data"]) == 1
    assert books.attempts(books.only()["id"])[0]["surplus"] == 1
    assert books.wallet() == (9 * IMAGE, 0)


def test_blocked_content_is_told_and_free(rig: Rig, key: str, books: Books, prompt: str) -> None:
    done = finished(rig, key, ordered(rig, key, f"{prompt} stub:block"))

    assert done["error"]["code"] == "content_policy_violation"
    assert outcomes(books) == [("failed", "content_blocked")]
    assert books.wallet() == (10 * IMAGE, 0)


# ---- later, or not at all --------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["stub:429=1", "stub:retry_after=1"], ids=["RetryInfo", "Retry-After"])
def test_google_is_given_the_time_it_asks_for_and_no_try_is_spent(
    rig: Rig, key: str, books: Books, prompt: str, form: str
) -> None:
    rig.google.program(form, prompt=prompt, times=1)
    done = finished(rig, key, ordered(rig, key, prompt))

    assert done["status"] == "completed"
    first, second = books.attempts(books.only()["id"])
    assert (first["outcome"], first["kind"], second["outcome"]) == ("waited", "rate_limited", "succeeded")
    assert (second["started_at"] - first["finished_at"]).total_seconds() >= 1
    assert books.only()["tries_left"] == 2, "only the second try was spent"
    assert len(books.entries("settle")) == 1


def test_a_server_error_is_tried_again_until_it_goes_well(
    rig: Rig, key: str, books: Books, prompt: str
) -> None:
    rig.google.program("stub:503", prompt=prompt, times=2)
    answer = OPENAI.post(rig.url, key, OPENAI.order(prompt))

    assert answer.status_code == 200
    assert outcomes(books) == [("retried", "upstream_error")] * 2 + [("succeeded", "")]
    assert rig.google.calls.prompts[prompt] == 3
    assert books.wallet() == (9 * IMAGE, 0)


def test_after_three_tries_it_has_failed_and_cost_nothing(
    rig: Rig, key: str, books: Books, prompt: str
) -> None:
    answer = OPENAI.post(rig.url, key, OPENAI.order(f"{prompt} stub:500"))

    assert (answer.status_code, answer.json()["error"]["type"]) == (502, "upstream_error")
    assert outcomes(books) == [("retried", "upstream_error")] * 2 + [("failed", "upstream_error")]
    assert "An internal error has occurred" in books.attempts(books.only()["id"])[0]["detail"]
    assert "An internal error has occurred" not in answer.text, "an upstream's words are for operators"
    assert [row["kind"] for row in books.entries("hold", "settle", "release")] == ["hold", "release"]
    assert books.wallet() == (10 * IMAGE, 0)


BAD = (
    "wrongmime",
    "notimage",
    "truncated",
    "bomb",
    "badjson",
    "html",
    "wrongtype",
    "empty",
    "reset",
    "cut",
    "redirect",
)


def test_what_is_no_image_is_never_charged_whatever_it_is(
    rig: Rig, cast: Cast, books: Books, prompt: str
) -> None:
    cast.credit(20)
    key = cast.key()
    for word in BAD:
        assert EVOLINK.post(rig.url, key, EVOLINK.order(f"{prompt} stub:{word}")).status_code == 200

    for word, row in zip(BAD, books.settled(60), strict=True):
        assert (row["state"], row["kind"], row["delivered"]) == ("failed", "upstream_error", 0), word
        attempts = books.attempts(row["id"])
        # So many failures in a row open the breaker: then a turn waits without a call, and is no try.
        waited = [attempt for attempt in attempts if attempt["outcome"] == "waited"]
        assert [(one["kind"], one["calls"]) for one in waited] == [("overloaded", [])] * len(waited), word
        tries = [attempt for attempt in attempts if attempt not in waited]
        assert [attempt["outcome"] for attempt in tries] == ["retried", "retried", "failed"], word
        assert all(attempt["detail"] for attempt in tries), word
        told = EVOLINK.read(rig.url, key, str(row["id"])).json()
        assert told["status"] == "failed", word
        assert told["error"]["code"] == "service_unavailable", word
        assert not any(attempt["detail"] in told["error"]["message"] for attempt in tries), word
    assert books.count("generations_output") == 0
    assert books.entries("settle") == []
    assert books.wallet() == (20 * IMAGE, 0)
    # A call that goes well closes the breaker again; until then who waits at the door is told so at once.
    well = OPENAI.order(f"{prompt} again")
    eventually(lambda: OPENAI.post(rig.url, key, well).status_code == 200)


def test_a_relay_that_shouts_our_key_is_not_repeated(rig: Rig, key: str, books: Books, prompt: str) -> None:
    answer = OPENAI.post(rig.url, key, OPENAI.order(f"{prompt} stub:echo"))

    assert answer.status_code == 502
    assert KEY not in answer.text
    assert "[key]" in books.attempts(books.only()["id"])[0]["detail"]
    assert KEY not in str(books.attempts(books.only()["id"]))


def test_the_providers_key_is_in_no_column_and_no_log(rig: Rig, servers: Servers) -> None:
    assert places(rig.admin, KEY) == []
    assert not [program.name for program in servers.programs if KEY in program.output()]


# ---- never a sandbox picture for a live key -----------------------------------------------------


@pytest.fixture
def mended(rig: Rig) -> Iterator[Rig]:
    """The rig; whatever is done to the channel is undone at the end."""
    yield rig
    rig.edit_channel(health="healthy", last_error="", enabled=True, weight=1, base_url=rig.google.url)


def gets_no_picture(rig: Rig, key: str, books: Books, prompt: str, status: int) -> httpx2.Response:
    """Neither door hands out anything that the sandbox drew, and nothing is charged or stays held."""
    task = ordered(rig, key, prompt)
    answer = OPENAI.post(rig.url, key, OPENAI.order(prompt))
    assert answer.status_code == status, answer.text[:300]
    done = finished(rig, key, task)
    assert (done["status"], done["error"]["code"]) == ("failed", "service_unavailable")
    providers = {row["provider"] for made in books.generations() for row in books.attempts(made["id"])}
    assert "sandbox" not in providers
    assert books.count("generations_output") == 0
    assert books.wallet() == (10 * IMAGE, 0)
    return answer


def test_a_refused_key_takes_the_channel_out_of_service_and_nobody_draws_instead(
    mended: Rig, key: str, books: Books, prompt: str
) -> None:
    mended.google.program("stub:bad_key", prompt=prompt, times=1)
    finished(mended, key, ordered(mended, key, prompt))
    time.sleep(channels.FRESH_SECONDS + 0.1)
    gets_no_picture(mended, key, books, prompt, 503)

    health, why = mended.channel()
    assert health == "misconfigured"
    assert "API key not valid" in why
    assert mended.google.calls.prompts[prompt] == 1, "the next orders were not sent any more"


@pytest.mark.parametrize("change", [{"enabled": False}, {"weight": 0}, {"health": "broken"}], ids=str)
def test_a_channel_out_of_service_is_never_called_and_nobody_draws_instead(
    mended: Rig, key: str, books: Books, prompt: str, change: dict[str, Any]
) -> None:
    mended.edit_channel(**change)
    answer = gets_no_picture(mended, key, books, prompt, 503)
    assert "not available" in answer.json()["error"]["message"]
    assert mended.google.calls.prompts[prompt] == 0


def test_a_provider_that_is_down_is_an_upstream_error_and_nobody_draws_instead(
    mended: Rig, key: str, books: Books, prompt: str
) -> None:
    mended.edit_channel(base_url=f"http://127.0.0.1:{free_port()}")
    gets_no_picture(mended, key, books, prompt, 502)


@pytest.mark.parametrize("door", [EVOLINK, OPENAI], ids=lambda door: door.name)
def test_a_model_that_no_channel_serves_is_unavailable(
    mended: Rig, key: str, books: Books, door: Door
) -> None:
    mended.edit_channel(enabled=False)
    made = door.post(mended.url, key, door.order("A lamp"))
    (row,) = books.settled()
    assert (row["state"], row["kind"]) == ("failed", "misconfigured")
    assert made.headers["x-easel-generation"] == str(row["id"])
    assert books.wallet() == (10 * IMAGE, 0)
