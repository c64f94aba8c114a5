"""X7: whoever is cut off in a synchronous call gets the same image for the same money by asking again."""

from __future__ import annotations

import contextlib
import json
import socket
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.cast import IMAGE, Cast
from tests.flows.five import GEMINI, OPENAI, Way, Wish, hashes
from tests.flows.wire import Books

CUTS = 20


def cut_off(url: str, key: str, way: Way, wish: Wish, idempotency_key: str, after: float) -> None:
    """Send an order, listen for so many seconds, hang up."""
    target = urlsplit(url)
    body = json.dumps(way.spell(wish)).encode()
    head = (
        f"POST {way.submits} HTTP/1.1\r\nHost: {target.netloc}\r\nAuthorization: Bearer {key}\r\n"
        f"Idempotency-Key: {idempotency_key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((target.hostname, target.port)) as wire:
        wire.sendall(head.encode() + body)
        wire.settimeout(max(after, 0.001))
        with contextlib.suppress(TimeoutError):
            wire.recv(64)


@pytest.mark.slow
@pytest.mark.parametrize("way", [OPENAI, GEMINI], ids=lambda way: way.name)
def test_twenty_cut_calls_are_twenty_images_and_twenty_charges(
    url: str, cast: Cast, books: Books, way: Way
) -> None:
    cast.credit(CUTS)
    key = cast.key()
    seen = []
    for cut in range(CUTS):
        wish, name = Wish(f"A lamp {cut} test:slow=0.3"), str(uuid4())
        cut_off(url, key, way, wish, name, after=cut * 0.025)
        again = way.post(url, key, wish, **{"Idempotency-Key": name})
        assert again.status_code == 200, again.text
        seen += hashes(way.pictures(again.json()))
    assert len(set(seen)) == CUTS
    assert len(books.settled()) == CUTS
    assert len(books.entries("settle")) == CUTS
    assert books.wallet() == (0, 0)


@pytest.mark.parametrize(
    ("first", "second"), [(OPENAI, GEMINI), (GEMINI, OPENAI)], ids=["to gemini", "to openai"]
)
def test_the_same_order_by_another_door_is_the_same_order(
    url: str, cast: Cast, books: Books, first: Way, second: Way
) -> None:
    """One key for one meaning: the image comes again in the other door's words, and costs nothing more."""
    cast.credit(2)
    key, name = cast.key(), str(uuid4())
    wish = Wish("A lamp by the door", "3:2")
    one = first.post(url, key, wish, **{"Idempotency-Key": name})
    two = second.post(url, key, wish, **{"Idempotency-Key": name})
    assert (one.status_code, two.status_code) == (200, 200), two.text
    assert two.headers["idempotency-replayed"] == "true"
    assert hashes(first.pictures(one.json())) == hashes(second.pictures(two.json()))
    assert books.wallet() == (IMAGE, 0)


def test_every_answer_after_a_hold_names_its_generation(url: str, cast: Cast, books: Books) -> None:
    cast.credit(1)
    blocked = OPENAI.post(url, cast.key(), Wish("A lamp test:fail"))
    assert blocked.status_code >= 400
    assert blocked.headers["x-easel-generation"] == str(books.only()["id"])
    assert blocked.headers["x-should-retry"] == "false"
