"""A new key's page waits for its first call, and turns into it."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx2
import pytest
from django.conf import settings

from tests.accounts.key_pages import SECRET, make
from tests.accounts.visits import Visitor, words
from tests.cast import Cast
from tests.house import wait_until

pytestmark = pytest.mark.filterwarnings("ignore:No directory at")


def test_the_page_waits_and_then_shows_the_call(
    cast: Cast, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "EASEL", replace(settings.EASEL, url=url))
    owner = Visitor(cast.owner, cast.organization)
    owner.look("keys", "?mode=test")
    source, key = make(owner)
    again = re.search(r'hx-get="([^"]+)" hx-trigger="load delay:2s"', source)
    assert again
    assert owner.client.get(again[1]).content.decode().count("Waiting for the first call") == 1
    secret = SECRET.findall(source)[0]
    order = {"model": "gemini-2.5-flash-image", "prompt": "a fox"}
    headers = {"Authorization": f"Bearer {secret}", "User-Agent": "fox/1"}
    answer = httpx2.post(f"{url}/evolink/v1/images/generations", json=order, headers=headers, timeout=30)
    assert answer.status_code == 200

    def shown() -> str:
        return words(owner.client.get(again[1]).content.decode())

    wait_until(lambda: "/evolink/v1/images/generations" in shown())
    assert "200 POST" in shown()
    assert "See what it made" in shown()
    assert "hx-get" not in owner.look("first_call", key=key.pk)
    page = owner.read("key", key=key.pk)
    assert "POST /evolink/v1/images/generations" in page
    assert "fox/1 1 0" in page


def test_a_refused_call_is_a_call_too(cast: Cast, url: str) -> None:
    owner = Visitor(cast.owner, cast.organization)
    source, key = make(owner, doors_allowed=["gemini"], home_door="gemini")
    headers = {"Authorization": f"Bearer {SECRET.findall(source)[0]}"}
    assert httpx2.get(f"{url}/openai/v1/models", headers=headers).status_code == 403
    wait_until(lambda: "403 GET /openai/v1/models" in owner.read("first_call", key=key.pk))


@pytest.mark.parametrize(
    "turn, says", [("0", "delay:2s"), ("60", "delay:10s"), ("9999", "within half an hour"), ("x", "delay:2s")]
)
def test_it_asks_less_often_the_longer_it_waits(cast: Cast, turn: str, says: str) -> None:
    owner = Visitor(cast.owner, cast.organization)
    _, key = make(owner)
    assert says in owner.look("first_call", f"?turn={turn}", key=key.pk)


def test_revoking_tells_who_used_it_and_what_is_under_way(cast: Cast, url: str) -> None:
    cast.credit(2)
    owner = Visitor(cast.owner, cast.organization)
    source, key = make(owner)
    headers = {"Authorization": f"Bearer {SECRET.findall(source)[0]}", "User-Agent": "shop/2"}
    httpx2.get(f"{url}/openai/v1/models", headers=headers)
    wait_until(lambda: "shop/2" in owner.read("revoke_key", key=key.pk))
    assert "1 request came with it in the last 24 hours" in owner.read("revoke_key", key=key.pk)
    assert "shop/2" in owner.read("rotate_key", key=key.pk)
