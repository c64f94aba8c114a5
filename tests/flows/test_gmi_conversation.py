"""DL8: the second turn of a conversation receives the first turn's picture, down to the upstream's wire."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2
import psycopg
import pytest
from PIL import Image, ImageChops

from generations import channels
from generations.inputs import decoder
from tests.cast import IMAGE, Cast
from tests.flows.wire import CLIENT, Books, eventually
from tests.house import Servers
from tests.upstreams.gemini import KEY, Upstream

QUEUE = "/gmi/api/v1/ie/requestqueue/apikey"
MODEL = "gemini-2.5-flash-image"
PICTURE_SIGNATURE, TEXT_SIGNATURE = "cGljdHVyZQ==", "dGV4dA=="  # what `stub:thought` gives
FINAL = ("success", "failed", "cancelled")


@dataclass
class Talk:
    """Somebody at GMI Cloud's door, whose pictures a loopback Google draws."""

    url: str
    key: str
    google: Upstream

    def call(self, method: str, path: str, **more: Any) -> httpx2.Response:
        return CLIENT.request(
            method, self.url + QUEUE + path, headers={"Authorization": f"Bearer {self.key}"}, **more
        )

    def draw(self, **payload: Any) -> dict[str, Any]:
        """The record of a request that went well."""
        made = self.call("POST", "/requests", json={"model": MODEL, "payload": payload})
        assert made.status_code == 200, made.text

        def final() -> dict[str, Any] | None:
            found: dict[str, Any] = self.call("GET", f"/requests/{made.json()['request_id']}").json()
            return found if found["status"] in FINAL else None

        record = eventually(final, 60)
        assert record["status"] == "success", record
        return record

    def heard(self, words: str) -> list[dict[str, Any]]:
        """The contents of Google's one call whose last turn says exactly this."""
        said = [one["body"]["contents"] for one in self.google.calls.recent]
        (contents,) = [one for one in said if {"text": words} in one[-1]["parts"]]
        return list(contents)


@pytest.fixture(scope="module")
def google(servers: Servers, admin_url: str) -> Iterator[tuple[str, Upstream]]:
    """A server whose live work goes to the loopback Google: a channel is a row that all processes read."""
    servers.shared()
    with Upstream.in_thread() as upstream, psycopg.connect(admin_url, autocommit=True) as admin:
        web = servers.web(EASEL_GEMINI_API_KEY=KEY, EASEL_GEMINI_BASE_URL=upstream.url)
        yield web.url, upstream
        web.stop()
        admin.execute("DELETE FROM generations_channelmodel")
        admin.execute("DELETE FROM generations_channel")
        time.sleep(channels.FRESH_SECONDS + 0.1)


@pytest.fixture
def talk(google: tuple[str, Upstream], cast: Cast) -> Talk:
    cast.credit(5)
    return Talk(google[0], cast.key(), google[1])


@pytest.fixture
def words() -> str:
    """Words that nobody said before."""
    return f"A lamp {uuid4().hex}"


def fill(record: dict[str, Any], words: str, uri: str = "") -> list[dict[str, Any]]:
    """The next turn: a copy of the conversation, its last turn filled in."""
    contents: list[dict[str, Any]] = record["next_turn_contents"]
    text, file = contents[-1]["parts"]
    text["text"], file["fileData"]["fileUri"] = words, uri
    return contents


def picture_of(record: dict[str, Any]) -> bytes:
    return CLIENT.get(record["outcome"]["media_urls"][0]["url"]).content


def shown(part: dict[str, Any]) -> bytes:
    """The bytes of a picture that Google was sent."""
    return base64.b64decode(part["inlineData"]["data"])


def same_pixels(one: bytes, other: bytes) -> bool:
    first, second = (Image.open(io.BytesIO(data)).convert("RGB") for data in (one, other))
    return first.size == second.size and ImageChops.difference(first, second).getbbox() is None


def test_the_second_turn_shows_the_upstream_the_first_turns_picture(
    talk: Talk, books: Books, words: str
) -> None:
    first = talk.draw(prompt=words, aspect_ratio="4:5")
    talk.draw(contents=fill(first, f"Blue, {words}"))

    before, after = picture_of(first), talk.heard(f"Blue, {words}")
    assert [turn["role"] for turn in after] == ["user", "model", "user"]
    assert after[0]["parts"] == [{"text": words}]
    sent = shown(after[1]["parts"][-1])
    assert same_pixels(sent, before)
    assert hashlib.sha256(sent).hexdigest() == asyncio.run(decoder.decode(before)).sha256
    assert after[2]["parts"] == [{"text": f"Blue, {words}"}]
    assert books.wallet() == (3 * IMAGE, 0)


def test_an_unset_ratio_follows_the_picture_of_the_turn_before(talk: Talk, words: str) -> None:
    first = talk.draw(prompt=words, aspect_ratio="21:9")
    second = talk.draw(contents=fill(first, f"Blue, {words}"))
    pixels = [
        (one["outcome"]["media_urls"][0]["width"], one["outcome"]["media_urls"][0]["height"])
        for one in (first, second)
    ]
    assert pixels == [(1536, 672)] * 2


def test_signatures_come_back_to_the_upstream_that_gave_them(talk: Talk, words: str) -> None:
    first = talk.draw(prompt=f"{words} stub:thought")
    talk.draw(contents=fill(first, f"Blue, {words}"))
    said, drawn = talk.heard(f"Blue, {words}")[1]["parts"]
    assert (said["text"], said["thoughtSignature"]) == ("Here it is.", TEXT_SIGNATURE)
    assert drawn["thoughtSignature"] == PICTURE_SIGNATURE
    assert same_pixels(shown(drawn), picture_of(first))


def test_a_conversation_built_from_the_link_alone_has_its_signature_too(talk: Talk, words: str) -> None:
    first = talk.draw(prompt=f"{words} stub:thought")
    link = first["outcome"]["media_urls"][0]["url"]
    contents = [
        {"role": "user", "parts": [{"text": words}]},
        {"role": "model", "parts": [{"file_data": {"file_uri": link, "mime_type": "image/png"}}]},
        {"role": "user", "parts": [{"text": f"Blue, {words}"}]},
    ]
    talk.draw(contents=contents)
    (drawn,) = talk.heard(f"Blue, {words}")[1]["parts"]
    assert drawn["thoughtSignature"] == PICTURE_SIGNATURE


def test_a_third_turn_still_shows_the_second_ones_picture_and_the_users_own(talk: Talk, words: str) -> None:
    own = base64.b64encode(_picture()).decode()
    first = talk.draw(prompt=words, image=[f"data:image/png;base64,{own}"])
    second = talk.draw(contents=fill(first, f"Blue, {words}", first["outcome"]["media_urls"][0]["url"]))
    talk.draw(contents=fill(second, f"Green, {words}"))

    (asked,) = talk.heard(words)
    assert same_pixels(shown(asked["parts"][0]), _picture())
    last = talk.heard(f"Green, {words}")
    pictures = [shown(part) for turn in last for part in turn["parts"] if "inlineData" in part]
    assert [turn["role"] for turn in last] == ["user", "model", "user", "model", "user"]
    assert same_pixels(pictures[-1], picture_of(second))
    assert all(same_pixels(one, picture_of(first)) for one in pictures[:-1])


def _picture() -> bytes:
    Image.new("RGB", (64, 48), (20, 90, 160)).save(file := io.BytesIO(), "PNG")
    return file.getvalue()


def test_another_organizations_picture_is_not_read(talk: Talk, cast: Cast, words: str) -> None:
    first = talk.draw(prompt=words)
    stranger = Talk(talk.url, cast.strangers_key(), talk.google)
    body = {"model": MODEL, "payload": {"contents": fill(first, "Give it to me")}}
    refused = stranger.call("POST", "/requests", json=body)
    assert refused.status_code == 400
    assert refused.json()["error"].startswith("payload.contents[1].parts[")
    assert "url_not_allowed" in refused.json()["error"]
