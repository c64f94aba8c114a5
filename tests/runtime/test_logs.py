"""Logs: JSON lines with the request's id, and no secret in any of them."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from runtime import logs

KEY = "easel_live_4ckP2sW9qZ" + "x" * 38
WEBHOOK = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def written() -> Iterator[Any]:
    """A function that gives the lines written so far."""
    before = logging.root.handlers[:]
    logs.configure()
    (handler,) = (h for h in logging.root.handlers if type(h) is logging.StreamHandler)
    buffer = io.StringIO()
    handler.setStream(buffer)
    yield lambda: [json.loads(line) for line in buffer.getvalue().splitlines()]
    logging.root.handlers[:] = before


def test_both_ways_to_log_end_in_the_same_line(written: Any) -> None:
    logging.getLogger("one").warning("hello %s", "there")
    structlog.get_logger("two").warning("hello there", count=3)
    first, second = written()
    assert (first["event"], first["logger"], first["level"]) == ("hello there", "one", "warning")
    assert (second["event"], second["logger"], second["count"]) == ("hello there", "two", 3)


def test_the_request_id_is_on_every_line_of_the_request(written: Any) -> None:
    with logs.about("req_1"):
        logging.getLogger("x").warning("inside")
    logging.getLogger("x").warning("outside")
    inside, outside = written()
    assert inside["request_id"] == "req_1"
    assert "request_id" not in outside


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"key {KEY} refused", KEY),
        (f"{{'Authorization': 'Bearer {KEY}'}}", KEY),
        ("Authorization: Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA"),
        ("headers={'authorization': b'Bearer other-vendor-token'}", "other-vendor-token"),
        ("Cookie: sid=abcdef; csrf=ghijkl", "ghijkl"),
        (f"signing with {WEBHOOK}", WEBHOOK),
        ("GET https://s3/x.png?X-Amz-Credential=AKIA1&X-Amz-Signature=0a1b2c", "0a1b2c"),
        ("GET /v1beta/models?key=someones-key&alt=sse", "someones-key"),
        ("x-goog-api-key: AIzaSyA1234567890abcdefghijklmnopqrstuv", "AIzaSyA123"),
        ("the upstream wrote: sk-proj-0123456789abcdefghij is not valid", "0123456789abcdefghij"),
        ("GET /f/0198f2/1.png?T=q1w2e3r4", "q1w2e3r4"),
        ("PUT /u/0198f2?size=7&put=q1w2e3r4", "q1w2e3r4"),
        ("X-API-Key: someones-other-key", "someones-other-key"),
        ("connecting to postgres://easel:hunter2@db/easel", "hunter2"),
    ],
)
def test_a_secret_in_a_sentence_is_masked(written: Any, text: str, secret: str) -> None:
    logging.getLogger("x").error(text)
    (line,) = written()
    assert secret not in json.dumps(line)
    assert logs.MASK in line["event"]


def test_secrets_in_fields_are_masked_by_name_at_any_depth(written: Any) -> None:
    headers = {"Authorization": "whatever", "Accept": "image/png", "nested": [{"password": "p4ss"}]}
    structlog.get_logger("x").warning("sent", headers=headers, api_key="k3y", cookie="c00kie")
    (line,) = written()
    told = json.dumps(line)
    assert "image/png" in told
    assert not any(secret in told for secret in ("whatever", "p4ss", "k3y", "c00kie"))


def test_secrets_in_a_traceback_are_masked(written: Any) -> None:
    try:
        raise ValueError(f"bad header: Bearer {KEY}")
    except ValueError:
        logging.getLogger("x").exception("failed")
    (line,) = written()
    assert "ValueError" in line["exception"]
    assert KEY not in line["exception"]


def test_an_ordinary_sentence_is_left_alone(written: Any) -> None:
    said = "generation 0198f2 took 3.2 s for token 1290; see https://easel.example/i/0198f2/1.png"
    structlog.get_logger("x").warning(said)
    assert written()[0]["event"] == said
