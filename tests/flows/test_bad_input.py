"""What a wrong order is answered at both doors: its own envelope and status, and nothing stored or held."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.cast import make_cast
from tests.flows.refusals import Caller, History, both
from tests.flows.wire import DOORS, Books, Door
from tests.house import Servers

MEBIBYTE = 2**20

# ---- what the body says --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def caller(servers: Servers, database: str, admin_url: str, history: History) -> Iterator[Caller]:
    """One caller for the file: a refusal leaves nothing behind that the next could trip over."""
    cast = make_cast()
    cast.credit(3)
    with psycopg.connect(admin_url, autocommit=True) as connection:
        yield Caller(servers.shared().url, cast.key(), Books(connection, cast.organization), history)


Wanted = tuple[int, str | None, str]
"""Status, code and param of a refusal."""


def at_evolink(param: str) -> tuple[Wanted, None]:
    return (400, "invalid_request", param), None


def at_openai(param: str) -> tuple[None, Wanted]:
    return None, (400, None, param)


def at_both(param: str) -> tuple[Wanted, Wanted]:
    return (400, "invalid_request", param), (400, None, param)


UNKNOWN = (404, "model_not_found", "model")
FIELDS: list[tuple[str, dict[str, Any], tuple[Wanted | None, Wanted | None]]] = [
    # what is changed in a good order, and what evolink and openai answer
    ("unknown model", {"model": "no-such"}, (UNKNOWN, UNKNOWN)),
    ("model of a wrong type", {"model": 7}, at_both("model")),
    ("bad ratio", {"size": "7:11"}, at_both("size")),
    ("size of a wrong type", {"size": 1024}, at_both("size")),
    ("size in words", {"size": "large"}, at_both("size")),
    ("endless pixels", {"size": "9" * 5000 + "x1"}, at_both("size")),
    ("bad aspect ratio", {"aspect_ratio": "wide"}, at_openai("aspect_ratio")),
    ("ratio with a zero", {"aspect_ratio": "0:1"}, at_openai("aspect_ratio")),
    ("n of zero", {"n": 0}, at_both("n")),
    ("n below zero", {"n": -1}, at_both("n")),
    ("n too high", {"n": 11}, at_both("n")),
    ("n of five", {"n": 5}, at_evolink("n")),
    ("n gigantic", {"n": 10**30}, at_both("n")),
    ("n true", {"n": True}, at_both("n")),
    ("n a string", {"n": "2"}, at_both("n")),
    ("n a fraction", {"n": 1.5}, at_both("n")),
    ("n a whole float", {"n": 1.0}, at_both("n")),
    ("n a list", {"n": [1]}, at_both("n")),
    ("prompt empty", {"prompt": ""}, at_both("prompt")),
    ("prompt blank", {"prompt": " \n\t"}, at_both("prompt")),
    ("prompt missing", {"prompt": None}, at_both("prompt")),
    ("prompt a number", {"prompt": 7}, at_both("prompt")),
    ("prompt a list", {"prompt": ["a"]}, at_both("prompt")),
    ("prompt too long", {"prompt": "x" * 1001}, at_evolink("prompt")),
    ("prompt far too long", {"prompt": "x" * 32001}, at_both("prompt")),
    ("quality unknown", {"quality": "ultra"}, at_both("quality")),
    ("style unknown", {"style": "baroque"}, at_openai("style")),
    ("background unknown", {"background": "blue"}, at_openai("background")),
    ("format unknown", {"output_format": "gif"}, at_openai("output_format")),
    ("format of a wrong type", {"output_format": ["png"]}, at_openai("output_format")),
    ("compression too high", {"output_compression": 101}, at_openai("output_compression")),
    ("answer by URL", {"response_format": "url"}, at_openai("response_format")),
    ("too many previews", {"partial_images": 4}, at_openai("partial_images")),
    ("stream of a wrong type", {"stream": "yes"}, at_openai("stream")),
    ("reference images", {"image_urls": "https://example.com/a.png"}, at_evolink("image_urls")),
    ("a mask", {"mask_url": "https://example.com/a.png"}, at_evolink("mask_url")),
    ("a callback", {"callback_url": "http://example.com/"}, at_evolink("callback_url")),
    ("model params of a wrong type", {"model_params": []}, at_evolink("model_params")),
    ("an input image", {"image": "data:image/png;base64,AAAA"}, at_openai("image")),
]


def field_cases() -> Iterator[Any]:
    for name, changes, answers in FIELDS:
        for door, wanted in zip(DOORS, answers, strict=True):
            if wanted:
                yield pytest.param(door, changes, *wanted, id=f"{door.name}-{name}")


@pytest.mark.parametrize(("door", "changes", "status", "code", "param"), field_cases())
def test_a_wrong_field_is_refused_by_its_name(
    caller: Caller, door: Door, changes: dict[str, Any], status: int, code: str | None, param: str
) -> None:
    error = caller.refused(door, status, code, json={**door.order(), "size": "1:1", **changes})
    assert error["param"] == param


DEEP = b"[" * 100_000
BODIES: list[tuple[str, bytes]] = [
    ("empty", b""),
    ("no json", b"prompt=a+lamp"),
    ("cut short", b'{"prompt": "a la'),
    ("two values", b'{"prompt": "a"} {}'),
    ("a comment", b'{"prompt": "a" /* why */}'),
    ("deep arrays", DEEP),
    ("deep arrays, closed", DEEP + b"]" * 100_000),
    ("deep objects", b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    ("thirty-three levels", b'{"prompt": "a", "deep": ' + b"[" * 33 + b"]" * 33 + b"}"),
    ("NaN", b'{"prompt": "a", "n": NaN}'),
    ("Infinity", b'{"prompt": "a", "n": -Infinity}'),
    ("a number beyond floats", b'{"prompt": "a", "n": 1e999}'),
    ("an endless integer", b'{"prompt": "a", "n": ' + b"9" * 10_000 + b"}"),
    ("duplicate keys", b'{"prompt": "a", "prompt": "b"}'),
    ("duplicate keys inside", b'{"prompt": "a", "x": {"y": 1, "y": 2}}'),
    ("NUL", b'{"prompt": "a\\u0000b"}'),
    ("NUL in a key", b'{"prompt": "a", "\\u0000": 1}'),
    ("a lone surrogate", b'{"prompt": "a\\ud800b"}'),
    ("a lone low surrogate in a key", b'{"prompt": "a", "\\udc00": 1}'),
    ("a bare control character", b'{"prompt": "a\x01b"}'),
    ("broken UTF-8", b'{"prompt": "a\xff"}'),
    ("an encoded surrogate", b'{"prompt": "a\xed\xa0\x80"}'),
    ("UTF-16", '{"prompt": "a"}'.encode("utf-16")),
    ("a million keys", b"{" + b",".join(b'"%d":0' % n for n in range(1_000_000)) + b"}"),
]


@both
@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in BODIES])
def test_what_is_no_strict_json_is_refused(caller: Caller, door: Door, body: bytes) -> None:
    code = {"evolink": "invalid_request", "openai": "invalid_json"}[door.name]
    caller.refused(door, 400, code, content=body, headers={"Content-Type": "application/json"})


@both
@pytest.mark.parametrize("body", [b"[]", b'"a lamp"', b"null", b"7", b"true"])
def test_json_that_is_no_object_is_refused(caller: Caller, door: Door, body: bytes) -> None:
    code = {"evolink": "invalid_request", "openai": None}[door.name]
    caller.refused(door, 400, code, content=body, headers={"Content-Type": "application/json"})


@both
@pytest.mark.parametrize(
    "media",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml"],
)
def test_another_content_type_is_unsupported(caller: Caller, door: Door, media: str) -> None:
    body = json.dumps(door.order()).encode()
    caller.refused(door, 415, "unsupported_media_type", content=body, headers={"Content-Type": media})


@both
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, identity"])
def test_an_encoded_body_is_unsupported(caller: Caller, door: Door, coding: str) -> None:
    body = json.dumps(door.order()).encode()
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    caller.refused(door, 415, "unsupported_media_type", content=body, headers=headers)


@both
def test_a_body_in_chunks_is_refused_once_it_is_too_large(caller: Caller, door: Door) -> None:
    chunks = (b" " * MEBIBYTE for _ in range(66))
    headers = {"Content-Type": "application/json"}
    caller.refused(door, 413, "request_too_large", content=chunks, headers=headers)


@both
def test_a_body_that_is_declared_too_large_is_refused_before_it_is_sent(caller: Caller, door: Door) -> None:
    before = caller.books.counts()
    with caller.wire() as wire:
        wire.sendall(
            f"POST {door.prefix}{door.submit} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {caller.key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {65 * MEBIBYTE}\r\nConnection: close\r\n\r\n".encode()
        )
        answer = b"".join(iter(lambda: wire.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert json.loads(body)["error"]["code"] == "request_too_large"
    assert caller.books.counts() == before


@both
def test_an_order_of_the_largest_size_that_is_allowed_is_read(caller: Caller, door: Door) -> None:
    body = json.dumps(door.order("x" * 2000, n=99)).encode().ljust(64 * MEBIBYTE)
    code = {"evolink": "invalid_request", "openai": None}[door.name]
    caller.refused(door, 400, code, content=body, headers={"Content-Type": "application/json"})
