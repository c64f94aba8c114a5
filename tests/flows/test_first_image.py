"""From a key to a billed, stored, audited image, over HTTP, at both doors."""

from __future__ import annotations

import base64
import io
import time
from typing import Any

import httpx2
import openai
from PIL import Image

from tests.cast import IMAGE, Cast
from tests.house import Servers

SEED = {"model": "gemini-2.5-flash-image", "prompt": "A cat in a space suit", "size": "16:9"}


def poll(url: str, key: str, task: str, seconds: float = 30) -> dict[str, Any]:
    """The task when it is final, as EvoLink's own client would wait for it."""
    until = time.monotonic() + seconds
    while True:
        answer = httpx2.get(f"{url}/evolink/v1/tasks/{task}", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        if found["status"] in ("completed", "failed"):
            return found
        assert time.monotonic() < until, found
        time.sleep(0.05)


def test_evolink_seed_request_becomes_a_picture_behind_a_link(cast: Cast, servers: Servers) -> None:
    web = servers.shared()
    cast.credit(2)
    key = cast.key()
    bearer = {"Authorization": f"Bearer {key}"}

    made = httpx2.post(f"{web.url}/evolink/v1/images/generations", json=SEED, headers=bearer)
    assert made.status_code == 200, made.text
    task = made.json()
    assert task["id"].startswith("task-unified-")
    assert (task["object"], task["status"], task["progress"]) == ("image.generation.task", "pending", 0)
    assert task["usage"]["credits_reserved"] == 2.6316

    done = poll(web.url, key, task["id"])
    assert done["status"] == "completed"
    assert done["usage"]["cost"]["usd"] == 0.0387
    picture = httpx2.get(done["results"][0])
    assert picture.status_code == 200
    assert picture.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(picture.content)).size == (1344, 768)


def test_openai_client_gets_two_images_in_one_call(cast: Cast, servers: Servers) -> None:
    web = servers.shared()
    cast.credit(2)
    client = openai.OpenAI(base_url=f"{web.url}/openai/v1", api_key=cast.key())

    answer = client.images.generate(model="gemini-2.5-flash-image", prompt="Two lamps", n=2)

    pictures = [Image.open(io.BytesIO(base64.b64decode(item.b64_json or ""))) for item in answer.data or []]
    assert [picture.size for picture in pictures] == [(1024, 1024)] * 2
    assert answer.usage is not None
    assert answer.usage.output_tokens == 2 * 1290
    assert available(cast) == 0


def available(cast: Cast) -> int:
    from billing import ledger
    from runtime.tenancy import tenant

    with tenant(cast.organization):
        return ledger.balance(cast.organization.pk, "live").available


def test_balance_falls_by_exactly_what_was_delivered(cast: Cast, servers: Servers) -> None:
    web = servers.shared()
    cast.credit(3)
    key = cast.key()
    made = httpx2.post(
        f"{web.url}/evolink/v1/images/generations", json=SEED, headers={"Authorization": f"Bearer {key}"}
    )
    assert available(cast) == 2 * IMAGE
    poll(web.url, key, made.json()["id"])
    assert available(cast) == 2 * IMAGE
