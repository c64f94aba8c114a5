"""What is wrong with a request before anybody asks what it says: A07, A08, A09."""

from __future__ import annotations

import json
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from generations.dialects import DIALECTS
from runtime import ids
from tests.abuses.attacker import JSON, Attacker, sentence
from tests.api.office import Office
from tests.flows.five import GEMINI, GMI, TOAPIS, WAYS, Way, Wish
from tests.flows.test_bad_input import BODIES
from tests.flows.wire import CLIENT, MODEL

ROOT = Path(__file__).resolve().parents[2]
MEBIBYTE = 2**20
OTHERS = [pytest.param(way, id=way.name) for way in (TOAPIS, GEMINI, GMI)]
"""The doors whose bodies tests/flows/test_bad_input.py does not go through already."""
PARAMETER = re.compile(r"\{(\w+)\*?\}")


def wire(url: str) -> socket.socket:
    """A connection for what no HTTP library would send."""
    where = urlsplit(url)
    return socket.create_connection((str(where.hostname), int(where.port or 80)), timeout=10)


def head(path: str, key: str, length: int) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    ).encode()


# ---- A07: those who take their time ------------------------------------------------------------


def test_slow_senders_keep_nobody_else_waiting(attacker: Attacker, way: Way) -> None:
    """A07: two hundred connections that send nothing, half a head or half a body, and one customer."""
    whole = head(way.submits, attacker.key, 1000)
    with ExitStack() as stack:
        for number in range(200):
            slow = stack.enter_context(wire(attacker.url))
            slow.sendall((b"", whole[:40], whole, whole + b'{"model": ')[number % 4])
        answer = attacker.submit(way)
        assert answer.status_code == 200, answer.text
        assert CLIENT.get(f"{attacker.url}/healthz").status_code == 200
    attacker.books.settled()


def test_the_samples_for_a_front_close_on_slow_senders() -> None:
    """A07: what stands before the server gives a head ten seconds and a body thirty."""
    nginx, caddy = ((ROOT / "deploy" / name).read_text() for name in ("nginx.conf", "Caddyfile"))
    assert "client_header_timeout 10s;" in nginx
    assert "client_body_timeout 30s;" in nginx
    assert re.search(r"timeouts \{\s+read_header 10s\s+read_body 30s", caddy)


# ---- A08: those who send too much --------------------------------------------------------------


@pytest.mark.parametrize("door", OTHERS)
def test_a_body_without_a_length_is_read_as_far_as_it_may_go(attacker: Attacker, door: Way) -> None:
    """A08: in chunks, and more than 64 MB of them."""
    chunks = (b" " * MEBIBYTE for _ in range(66))
    attacker.refused(too_large(door), "POST", door.submits, content=chunks, headers=JSON)


@pytest.mark.parametrize("door", OTHERS)
def test_a_body_that_says_it_is_too_large_is_not_read_at_all(attacker: Attacker, door: Way) -> None:
    """A08: refused by its head alone."""
    before = attacker.state()
    with wire(attacker.url) as line:
        line.sendall(head(door.submits, attacker.key, 65 * MEBIBYTE))
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    assert int(answer.split()[1]) in too_large(door)
    assert attacker.state() == before


def too_large(door: Way) -> set[int]:
    """Google has no 413: it says INVALID_ARGUMENT."""
    return {400, 413} if door is GEMINI else {413}


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, identity"])
@pytest.mark.parametrize("door", OTHERS)
def test_a_body_in_disguise_is_not_unpacked(attacker: Attacker, door: Way, coding: str) -> None:
    """A08: `Content-Encoding` would let a kilobyte become a gigabyte."""
    body = json.dumps(door.spell(Wish())).encode()
    headers = JSON | {"Content-Encoding": coding}
    attacker.refused(
        {400, 415} if door is GEMINI else {415}, "POST", door.submits, content=body, headers=headers
    )


def test_the_management_api_reads_a_megabyte_and_nothing_in_disguise(office: Office) -> None:
    """A08: its bodies are small."""
    body = json.dumps({"name": "x" * MEBIBYTE}).encode()
    office.refused(413, "too_large", "POST", "keys", content=body, headers=JSON)
    chunks = (b" " * MEBIBYTE for _ in range(3))
    office.refused(413, "too_large", "POST", "keys", content=chunks, headers=JSON)
    headers = JSON | {"Content-Encoding": "gzip"}
    office.refused(415, "unsupported_media", "POST", "keys", content=b"{}", headers=headers)


def test_a_promised_file_is_read_as_far_as_it_may_go(attacker: Attacker) -> None:
    """A08: the PUT of an upload takes thirty megabytes, unpacks nothing, and keeps nothing of the rest."""
    path = "/gmi/api/v1/ie/requestqueue/apikey/upload-url"
    promised = attacker.send("POST", path, json={"file_type": "png"})
    assert promised.status_code == 200, promised.text
    where = promised.json()["upload_url"]
    before = attacker.state()
    for headers, status in (({}, 413), ({"Content-Encoding": "gzip"}, 415)):
        chunks = (b"\x89PNG" * (MEBIBYTE // 4) for _ in range(32))
        answer = CLIENT.put(where, content=chunks, headers={"Content-Type": "image/png", **headers})
        assert answer.status_code == status, answer.text
    assert attacker.state() == before


# ---- A09: those who send what is no JSON -------------------------------------------------------


@pytest.mark.parametrize("door", OTHERS)
@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in BODIES])
def test_what_is_no_strict_json_is_refused(attacker: Attacker, door: Way, body: bytes) -> None:
    """A09: depth, duplicates, NaN, NUL, surrogates, a million members; at the first two doors it is
    tests/flows/test_bad_input.py that sends them."""
    attacker.refused({400}, "POST", door.submits, content=body, headers=JSON)


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in BODIES])
def test_the_management_api_is_as_strict(office: Office, body: bytes) -> None:
    """A09 at `/api/v1/`; a megabyte is the most it reads."""
    answer = office.send("POST", "keys", content=body, headers=JSON)
    assert answer.status_code in (400, 413), answer.text
    sentence(answer)


def posts() -> Iterator[Any]:
    """Every address of every door that takes a body."""
    prefixes = {way.name: f"/{way.name}" for way in WAYS}
    for name, dialect in DIALECTS.items():
        for route in dialect.routes():
            if route.method in ("POST", "PUT", "DELETE"):
                path = prefixes[name] + PARAMETER.sub(_filled, route.path)
                yield pytest.param(route.method, path, id=f"{name} {route.method} {route.path}")


def _filled(parameter: re.Match[str]) -> str:
    return {"model": MODEL, "version": "v1beta", "rest": "a"}.get(parameter[1], str(ids.uuid7()))


NASTY = (
    b"[" * 100_000, b'{"a":' * 20_000, b'{"prompt": "a", "prompt": "b"}', b'{"n": NaN}', b'{"n": 1e999}',
    b'{"prompt": "a\\u0000b"}', b'{"prompt": "a\\ud800b"}', b"\xff\xfe", b'[null, "a", 7]', b'"a"',
    b"{" + b",".join(b'"%d":0' % n for n in range(100_001)) + b"}",
)  # fmt: skip


@pytest.mark.parametrize(("method", "path"), posts())
def test_no_address_of_a_door_stumbles_over_what_it_is_sent(
    attacker: Attacker, method: str, path: str
) -> None:
    """A09: a refusal in the door's words, whatever comes as a body, and whatever it is said to be."""
    before = attacker.state()
    for body in NASTY:
        for media in ("application/json", "multipart/form-data; boundary=x", "multipart/form-data"):
            answer = attacker.send(method, path, content=body, headers={"Content-Type": media})
            assert 400 <= answer.status_code < 500 or answer.status_code == 501, answer.text[:300]
            sentence(answer)
    assert attacker.state() == before


def test_numbers_and_texts_of_a_gigantic_length_are_refused(attacker: Attacker, way: Way) -> None:
    """A09: `int()` of a million digits takes minutes; here it is not tried."""
    digits = b"9" * 1_000_000
    attacker.refused({400}, "POST", way.submits, content=b'{"n": ' + digits + b"}", headers=JSON)
    attacker.refused({400}, "POST", way.submits, content=struct.pack(">I", 7) * 1000, headers=JSON)


def test_a_small_body_without_a_length_is_read_like_any_other(office: Office) -> None:
    """A08: what comes in chunks is not taken for nothing."""
    chunks = iter([b'{"na', b'me": "In chunks"}'])
    answer = office.send("POST", "keys", content=chunks, headers=JSON)
    assert answer.status_code == 201, answer.text
    assert answer.json()["name"] == "In chunks"


@pytest.mark.parametrize("path", ["/login/", "/docs/", "/api/v1/keys", "/admin/login/", "/nowhere"])
def test_no_page_waits_for_the_end_of_a_body_that_has_none(url: str, path: str) -> None:
    """A08: answered after the largest thing that any page reads, whoever sends it and without a key."""
    chunk = b"100000\r\n" + b"x" * MEBIBYTE + b"\r\n"
    with wire(url) as line:
        line.sendall(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode()
        )
        for _ in range(66):
            line.sendall(chunk)
        answer = line.recv(4096)
    assert 400 <= int(answer.split()[1]) < 500, answer
