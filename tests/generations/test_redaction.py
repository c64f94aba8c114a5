"""Bodies as people look back at them: no secret, no picture, never more than a few pages."""

from __future__ import annotations

import base64
import json
import os

import pytest

from generations import redaction

PICTURE = base64.b64encode(os.urandom(30_000)).decode()


def test_what_was_asked_is_shown_as_it_came() -> None:
    body = b'{"prompt":"a \\"red\\" fox","n":2,"size":"1:1"}'
    assert redaction.shown(body) == body.decode()


@pytest.mark.parametrize("picture", [PICTURE, f"data:image/png;base64,{PICTURE}"])
def test_a_picture_is_left_out_and_measured(picture: str) -> None:
    shown = redaction.shown(json.dumps({"prompt": 'a "fox"\\', "image": picture, "n": 1}).encode())
    assert json.loads(shown) == {"prompt": 'a "fox"\\', "image": f"[{len(picture):,} bytes left out]", "n": 1}


def test_delivered_pictures_become_their_links_in_order() -> None:
    body = json.dumps({"data": [{"b64_json": PICTURE}, {"b64_json": PICTURE}]}).encode()
    shown = redaction.shown(body, links=["/i/1/0.png", "/i/1/1.png"])
    assert [one["b64_json"] for one in json.loads(shown)["data"]] == [
        "[picture: /i/1/0.png]",
        "[picture: /i/1/1.png]",
    ]


@pytest.mark.parametrize(
    "secret",
    [
        "easel_live_K7c2QmZp9a5dV0abcdefghijklmnopqrstuvwxyz1hX2bQ",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "https://easel.example/i/1/0.png?t=abcdefghijkl",
        "https://easel.example/u/1.png?put=abcdefghijkl",
        "https://user:parole@example.com/",
        "AIzaSyA1234567890abcdefghijklmnopqrstuvw",
    ],
)
def test_a_secret_is_masked_wherever_it_stands(secret: str) -> None:
    for body in ({"prompt": f"a fox {secret}"}, {"deep": [{"key": secret}]}):
        shown = redaction.shown(json.dumps(body).encode())
        assert secret not in shown
        assert "[masked]" in shown


@pytest.mark.parametrize("name", ["password", "api_key", "Secret", "access_token", "client_secret"])
@pytest.mark.parametrize("said", ["hunter2 hunter2", 'with a \\" quote', ""])
def test_what_is_called_a_secret_is_masked_whatever_it_looks_like(name: str, said: str) -> None:
    body = json.dumps({"prompt": "a fox", "deep": [{name: said}], "n": 1})
    for text in (body, body[:-3], body.replace(": ", " :\n ")):
        shown = redaction.shown(text.encode())
        assert not said or "hunter2" not in shown
        assert "quote" not in shown
        assert "a fox" in shown
    assert json.loads(redaction.shown(body.encode())) == {
        "prompt": "a fox",
        "deep": [{name: "[masked]"}],
        "n": 1,
    }
    form = f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{said}\r\n--x--\r\n'
    shown = redaction.shown(form.encode(), "multipart/form-data")
    assert shown == f'Content-Disposition: form-data; name="{name}": [masked]'


def test_a_form_is_shown_part_by_part() -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\na red fox\r\n'
        b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + os.urandom(5000) + b"\r\n--x--\r\n"
    )
    first, second = redaction.shown(body, "multipart/form-data").split("\n")
    assert first == 'Content-Disposition: form-data; name="prompt": a red fox'
    assert second.endswith('filename="a.png"; Content-Type: image/png: [5,000 bytes]')


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00\xff\xfe",
        b'"' * 100_000,
        b"\\" * 100_000,
        b'"' + b'\\"' * 100_000,
        b"[" * 100_000,
        b'{"a":"' + b"x" * 100_000,
        b'["a"' + b',"b c"' * 100_000 + b"]",
        b"--x\r\n" * 100_000,
        "\N{FOX FACE}".encode() * 50_000,
    ],
    ids=lambda body: repr(body[:8]),
)
@pytest.mark.parametrize("media_type", ["application/json", "multipart/form-data", "text/plain", "x/y", ""])
def test_whatever_comes_is_short_and_can_be_stored(body: bytes, media_type: str) -> None:
    shown = redaction.shown(body, media_type)
    assert len(shown) <= redaction.LONGEST + 100
    assert "\x00" not in shown
    assert bool(shown) == bool(body) or media_type == "multipart/form-data"
