"""A chat of Google's own client, through the gemini door to a real engine: what the model is shown."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from google import genai
from google.genai import types
from PIL import Image

from generations import channels
from tests.cast import Cast
from tests.flows.wire import Books
from tests.house import Servers
from tests.upstreams.gemini import KEY, Upstream

MODEL = "gemini-3-pro-image"


@dataclass
class Rig:
    """A server whose live work goes to the loopback Google."""

    url: str
    google: Upstream

    def chat(self, key: str, **config: Any) -> Any:
        options = types.HttpOptions(base_url=f"{self.url}/gemini")
        self.client = genai.Client(api_key=key, vertexai=False, http_options=options)
        return self.client.chats.create(model=MODEL, config=types.GenerateContentConfig(**config))

    def last_turns(self) -> list[dict[str, Any]]:
        """The conversation that Google was sent last."""
        turns: list[dict[str, Any]] = self.google.calls.recent[-1]["body"]["contents"]
        return turns


@pytest.fixture(scope="module")
def rig(servers: Servers, admin_url: str) -> Iterator[Rig]:
    servers.shared()
    with Upstream.in_thread() as google, psycopg.connect(admin_url, autocommit=True) as admin:
        web = servers.web(EASEL_GEMINI_API_KEY=KEY, EASEL_GEMINI_BASE_URL=google.url)
        yield Rig(web.url, google)
        web.stop()
        admin.execute("DELETE FROM generations_channelmodel")
        admin.execute("DELETE FROM generations_channel")
        time.sleep(channels.FRESH_SECONDS + 0.1)


@pytest.fixture
def key(cast: Cast) -> str:
    """A live key with credit for a few large images."""
    cast.credit(30)
    return cast.key()


def size(encoded: str) -> tuple[int, int]:
    return Image.open(io.BytesIO(base64.urlsafe_b64decode(encoded))).size


def value(part: dict[str, Any], *names: str) -> Any:
    """The part's value, whichever way the name is spelt."""
    return next((part[name] for name in names if name in part), None)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_the_second_turn_shows_the_first_picture_with_the_models_signatures(
    rig: Rig, key: str, books: Books, streamed: bool
) -> None:
    chat = rig.chat(key, image_config=types.ImageConfig(aspect_ratio="16:9"))
    words = f"A cat {uuid4().hex} stub:thought"
    for prompt in (words, "Make it blue"):
        assert list(chat.send_message_stream(prompt)) if streamed else chat.send_message(prompt)

    first, *answers, second = rig.last_turns()
    assert {turn["role"] for turn in answers} == {"model"}, "a streamed answer is a turn for each chunk"
    assert (first["parts"][0]["text"], second["parts"][-1]["text"]) == (words, "Make it blue")
    text, picture = (part for turn in answers for part in turn["parts"])
    assert text["text"] == "Here it is."
    assert value(text, "thoughtSignature", "thought_signature") == base64.b64encode(b"text").decode()
    assert value(picture, "thoughtSignature", "thought_signature") == base64.b64encode(b"picture").decode()
    assert size(value(picture, "inlineData", "inline_data")["data"]) == (1376, 768)
    assert [row["state"] for row in books.settled()] == ["succeeded", "succeeded"]


def test_without_a_ratio_the_model_is_left_to_follow_the_last_picture(
    rig: Rig, key: str, books: Books
) -> None:
    chat = rig.chat(key)
    Image.new("RGB", (320, 180), "teal").save(file := io.BytesIO(), "PNG")
    shown = types.Part.from_bytes(data=file.getvalue(), mime_type="image/png")
    chat.send_message([shown, f"Make it blue {uuid4().hex}"])

    body = rig.google.calls.recent[-1]["body"]
    config = body.get("generationConfig") or body.get("generation_config") or {}
    assert value(config, "imageConfig", "image_config") is None
    (picture, _) = body["contents"][0]["parts"]
    assert size(value(picture, "inlineData", "inline_data")["data"]) == (320, 180)
    (row,) = books.generations()
    assert row["order"]["ratio"] is None
